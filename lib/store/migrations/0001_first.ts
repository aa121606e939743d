/** First schema. */
export const first = `
-- One row.
CREATE TABLE meta (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  manager_id TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  -- Running totals: counting would read the whole of the tables.
  commands_total INTEGER NOT NULL DEFAULT 0,
  output_bytes INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE agents (
  id TEXT NOT NULL PRIMARY KEY,
  groups TEXT NOT NULL,
  cidrs TEXT NOT NULL,
  added_at INTEGER NOT NULL,
  secret_hash BLOB,
  token_hash BLOB,
  token_expires_at INTEGER,
  token_used_with BLOB,
  instance TEXT,
  session INTEGER NOT NULL DEFAULT 0,
  last_command_id INTEGER NOT NULL DEFAULT 0,
  protocol INTEGER NOT NULL DEFAULT 0,
  version TEXT NOT NULL DEFAULT '',
  facts TEXT NOT NULL DEFAULT '{}',
  address TEXT NOT NULL DEFAULT '',
  connected_at INTEGER,
  disconnected_at INTEGER
) STRICT;

-- No reference to agents: the history of an agent outlives it.
CREATE TABLE commands (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  agent TEXT NOT NULL,
  operation TEXT NOT NULL,
  params TEXT NOT NULL,
  nonce INTEGER NOT NULL,
  job TEXT NOT NULL,
  requested_by TEXT NOT NULL,
  timeout_ms INTEGER,
  on_disconnect TEXT NOT NULL,
  kill_after_ms INTEGER,
  state TEXT NOT NULL,
  presumed INTEGER NOT NULL DEFAULT 0,
  reason TEXT NOT NULL DEFAULT '',
  error_code TEXT NOT NULL DEFAULT '',
  instance TEXT,
  session INTEGER,
  created_at INTEGER NOT NULL,
  sent_at INTEGER,
  started_at INTEGER,
  finished_at INTEGER,
  agent_started_at INTEGER,
  agent_finished_at INTEGER,
  exit_code INTEGER,
  signal TEXT,
  changed INTEGER NOT NULL DEFAULT 0,
  data TEXT,
  reaped_signalled INTEGER,
  reaped_alive TEXT NOT NULL DEFAULT '[]',
  stdout_held INTEGER NOT NULL DEFAULT 0,
  stderr_held INTEGER NOT NULL DEFAULT 0,
  output_kept INTEGER NOT NULL DEFAULT 0,
  truncated INTEGER NOT NULL DEFAULT 0,
  cancel_requested_at INTEGER,
  cancel_grace_ms INTEGER,
  progress_current INTEGER,
  progress_total INTEGER,
  progress_message TEXT NOT NULL DEFAULT '',
  -- Null while it is open.
  ended_at INTEGER AS (
    CASE WHEN state NOT IN ('queued', 'sent', 'running') THEN coalesce(finished_at, created_at) END
  ) VIRTUAL
) STRICT;
CREATE INDEX commands_by_agent ON commands (agent, id);
CREATE INDEX commands_by_state ON commands (state, id);
CREATE INDEX commands_ended ON commands (ended_at) WHERE ended_at IS NOT NULL;
CREATE INDEX commands_ended_with_output ON commands (ended_at) WHERE ended_at IS NOT NULL AND output_kept > 0;
CREATE INDEX commands_presumed ON commands (ended_at) WHERE presumed = 1;
-- So that the sequence can be raised before the first command.
INSERT INTO sqlite_sequence (name, seq) VALUES ('commands', 0);

-- The ids of a job's commands follow each other.
CREATE TABLE jobs (
  request_id TEXT NOT NULL PRIMARY KEY,
  job TEXT NOT NULL,
  first_id INTEGER NOT NULL,
  last_id INTEGER NOT NULL,
  created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX jobs_created ON jobs (created_at);

CREATE TABLE output (
  id INTEGER PRIMARY KEY,
  command_id INTEGER NOT NULL REFERENCES commands (id),
  stream TEXT NOT NULL,
  end_offset INTEGER NOT NULL,
  cut INTEGER NOT NULL,
  bytes BLOB NOT NULL
) STRICT;
CREATE UNIQUE INDEX output_by_end ON output (command_id, stream, end_offset);

CREATE TABLE events (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  at INTEGER NOT NULL,
  kind TEXT NOT NULL,
  agent TEXT,
  command_id INTEGER,
  message TEXT NOT NULL
) STRICT;
CREATE INDEX events_at ON events (at);
`;
