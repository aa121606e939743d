/** Adds the user who asked for a cancel. */
export const cancelledBy = `
ALTER TABLE commands ADD COLUMN cancel_requested_by TEXT NOT NULL DEFAULT '';
`;
