/** Adds the bounds of plans, and approvals of plans that nobody has asked to apply yet. */
export const planBounds = `
-- Names, tags or patterns of steps as JSON; empty for all steps.
ALTER TABLE plans ADD COLUMN only TEXT NOT NULL DEFAULT '[]';
ALTER TABLE plans ADD COLUMN strict INTEGER NOT NULL DEFAULT 0;
-- Who has approved, as JSON.
ALTER TABLE plans ADD COLUMN votes TEXT NOT NULL DEFAULT '[]';
`;
