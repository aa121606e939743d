/** Adds jobs that wait until others approve of them, and rules that ask for that. */
export const approvals = `
CREATE TABLE approvals (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  request_id TEXT NOT NULL UNIQUE,
  state TEXT NOT NULL DEFAULT 'waiting',
  reason TEXT NOT NULL DEFAULT '',
  needed INTEGER NOT NULL,
  -- Who has approved, as JSON.
  votes TEXT NOT NULL DEFAULT '[]',
  -- What is to be started, as canonical JSON, and its SHA-256.
  statement TEXT NOT NULL,
  hash BLOB NOT NULL,
  agents TEXT NOT NULL,
  request TEXT NOT NULL,
  requested_by TEXT NOT NULL,
  said_by TEXT NOT NULL,
  credential TEXT NOT NULL,
  origin TEXT NOT NULL,
  -- Token of the operator who asked; NULL for a user of the Manager's machine.
  token_id INTEGER,
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  ended_at INTEGER,
  ended_by TEXT NOT NULL DEFAULT '',
  -- The history of jobs may be shorter.
  job_id INTEGER
) STRICT;

CREATE INDEX approvals_waiting ON approvals (id) WHERE state = 'waiting';
CREATE INDEX approvals_job ON approvals (job_id) WHERE job_id IS NOT NULL;

-- Approvals by others that a job by this rule needs.
ALTER TABLE operator_rules ADD COLUMN approve INTEGER NOT NULL DEFAULT 0;
`;
