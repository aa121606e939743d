/**
 * Adds the names that clients gave themselves. All names of before are such names: nothing proved them, so they move to
 * the new columns.
 */
export const saidBy = `
ALTER TABLE commands ADD COLUMN said_by TEXT NOT NULL DEFAULT '';
ALTER TABLE commands ADD COLUMN cancel_said_by TEXT NOT NULL DEFAULT '';
ALTER TABLE commands ADD COLUMN given_up_said_by TEXT NOT NULL DEFAULT '';
UPDATE commands SET
  said_by = requested_by,
  requested_by = 'local',
  cancel_said_by = cancel_requested_by,
  cancel_requested_by = CASE WHEN cancel_requested_at IS NULL THEN '' ELSE 'local' END,
  given_up_said_by = given_up_by,
  given_up_by = CASE WHEN given_up_at IS NULL THEN '' ELSE 'local' END;
`;
