/** Adds plans: what states would change on agents, as it was found at one time. */
export const plans = `
CREATE TABLE plans (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  request_id TEXT NOT NULL UNIQUE,
  -- Name of the state; empty for the whole states of the agents.
  state_name TEXT NOT NULL,
  -- Target expressions and their options as JSON.
  targets TEXT NOT NULL,
  note TEXT NOT NULL,
  requested_by TEXT NOT NULL,
  said_by TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  -- Job of state.Plan; null until it has started.
  job_id INTEGER,
  withdrawn_at INTEGER,
  withdrawn_by TEXT NOT NULL DEFAULT ''
) STRICT;

CREATE TABLE plan_agents (
  plan_id INTEGER NOT NULL REFERENCES plans (id) ON DELETE CASCADE,
  agent TEXT NOT NULL,
  -- SHA-256 of the compiled state, in hex digits.
  sheet TEXT NOT NULL,
  -- SHA-256 of the facts that it was compiled with.
  facts TEXT NOT NULL,
  -- Words that tell this host from others, as its names and addresses: JSON.
  own_words TEXT NOT NULL,
  version TEXT NOT NULL,
  instance TEXT NOT NULL,
  state TEXT NOT NULL,
  message TEXT NOT NULL,
  -- Counts of the steps by verdict as JSON.
  counts TEXT NOT NULL,
  -- SHA-256 of a blob with the findings that an apply expects, and of one with what people read.
  expect TEXT NOT NULL,
  changes TEXT NOT NULL,
  -- Last job of state.Apply that it was given to, and the command that has begun it.
  apply_job INTEGER,
  apply_command INTEGER,
  PRIMARY KEY (plan_id, agent)
) STRICT, WITHOUT ROWID;

-- Contents that a compiled state names by their hashes. They are kept as files beside the database.
CREATE TABLE plan_blobs (
  plan_id INTEGER NOT NULL REFERENCES plans (id) ON DELETE CASCADE,
  -- Compiled state, or the findings of an agent, that it belongs to.
  owner TEXT NOT NULL,
  sha256 TEXT NOT NULL,
  PRIMARY KEY (plan_id, owner, sha256)
) STRICT, WITHOUT ROWID;
`;
