/**
 * Adds jobs with an entry for each agent, and the highest id that was ever recorded as sent to each agent. The table that
 * was called jobs has requests, by which a repeated one starts nothing twice.
 */
export const jobs = `
ALTER TABLE jobs RENAME TO requests;
DROP INDEX jobs_created;
CREATE INDEX requests_created ON requests (created_at);

CREATE TABLE jobs (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  request_id TEXT NOT NULL UNIQUE,
  state TEXT NOT NULL,
  -- The end that it comes to once its commands have ended; null while more may start.
  ends_as TEXT,
  reason TEXT NOT NULL DEFAULT '',
  targets TEXT NOT NULL,
  operation TEXT NOT NULL,
  params TEXT NOT NULL,
  timeout_ms INTEGER,
  on_disconnect TEXT NOT NULL,
  kill_after_ms INTEGER,
  limits TEXT NOT NULL,
  name TEXT NOT NULL,
  note TEXT NOT NULL,
  requested_by TEXT NOT NULL,
  said_by TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  finished_at INTEGER,
  rerun_of INTEGER,
  cancel_requested_at INTEGER,
  cancel_requested_by TEXT NOT NULL DEFAULT '',
  cancel_said_by TEXT NOT NULL DEFAULT '',
  cancel_grace_ms INTEGER,
  total INTEGER NOT NULL,
  canaries INTEGER NOT NULL,
  -- Of an ended job: to count the entries of a list of jobs would take long.
  counts TEXT NOT NULL
) STRICT;
CREATE INDEX jobs_open ON jobs (state) WHERE state IN ('running', 'paused');
CREATE INDEX jobs_finished ON jobs (finished_at) WHERE finished_at IS NOT NULL;

-- No reference to agents: the history of an agent outlives it.
CREATE TABLE entries (
  job_id INTEGER NOT NULL REFERENCES jobs (id),
  -- From 0, in the order of starting.
  position INTEGER NOT NULL,
  agent TEXT NOT NULL,
  state TEXT NOT NULL,
  reason TEXT NOT NULL DEFAULT '',
  canary INTEGER NOT NULL,
  command_id INTEGER,
  changed_at INTEGER NOT NULL,
  -- Journal of the agent when the job was made; null if none was known. When an agent is removed, its entries end with
  -- it, so that another of its name never gets them.
  agent_instance TEXT,
  PRIMARY KEY (job_id, position)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX entries_by_agent ON entries (agent, job_id);

-- A table of its own: the rows of agents have their facts and are long.
CREATE TABLE sent_ids (
  agent TEXT NOT NULL PRIMARY KEY,
  last_id INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO sent_ids (agent, last_id)
  SELECT agent, max(id) FROM commands WHERE sent_at IS NOT NULL GROUP BY agent;

ALTER TABLE meta ADD COLUMN stopping_at INTEGER;
`;
