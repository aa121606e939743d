/** Adds the agents of which rules of drift cannot tell if they differ, and when a rule has told anything. */
export const driftUntold = `
CREATE TABLE drift_untold (
  rule TEXT NOT NULL,
  agent TEXT NOT NULL,
  since INTEGER NOT NULL,
  -- Last plan that could not tell; null if no plan could be made.
  plan_id INTEGER,
  reason TEXT NOT NULL,
  PRIMARY KEY (rule, agent)
) STRICT, WITHOUT ROWID;

-- End of the last plan that has told of an agent; null for none.
ALTER TABLE drift_rules ADD COLUMN told_at INTEGER;
`;
