/** Adds drift: plans that rules make again and again, and the agents that differ from their states. */
export const drift = `
-- Rule of config.yaml that made it; empty for people.
ALTER TABLE plans ADD COLUMN drift TEXT NOT NULL DEFAULT '';
CREATE INDEX plans_by_drift ON plans (drift, id) WHERE drift <> '';

CREATE TABLE drift_rules (
  -- State and target expressions.
  rule TEXT PRIMARY KEY,
  next_at INTEGER NOT NULL,
  -- Plan that is being looked at; null for none.
  plan_id INTEGER
) STRICT, WITHOUT ROWID;

CREATE TABLE drift_agents (
  rule TEXT NOT NULL,
  agent TEXT NOT NULL,
  since INTEGER NOT NULL,
  -- Last plan that found it.
  plan_id INTEGER NOT NULL,
  PRIMARY KEY (rule, agent)
) STRICT, WITHOUT ROWID;
`;
