/** Adds tokens by which many hosts may join, hosts that wait until somebody accepts them, and keys that were revoked. */
export const enrolment = `
CREATE TABLE join_tokens (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  hash BLOB NOT NULL UNIQUE,
  uses INTEGER NOT NULL,
  used INTEGER NOT NULL DEFAULT 0,
  groups TEXT NOT NULL,
  -- Pattern of the names that it is for; empty for any.
  name TEXT NOT NULL,
  cidrs TEXT NOT NULL,
  approve INTEGER NOT NULL,
  created_by TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  revoked_at INTEGER
) STRICT;

CREATE TABLE pending_agents (
  name TEXT NOT NULL,
  public_key BLOB NOT NULL,
  token INTEGER NOT NULL,
  state TEXT NOT NULL,
  reason TEXT NOT NULL DEFAULT '',
  address TEXT NOT NULL,
  version TEXT NOT NULL,
  facts TEXT NOT NULL,
  asked_at INTEGER NOT NULL,
  last_at INTEGER NOT NULL,
  PRIMARY KEY (name, public_key)
) STRICT, WITHOUT ROWID;

CREATE TABLE revoked_keys (
  hash BLOB PRIMARY KEY,
  agent TEXT NOT NULL,
  revoked_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

ALTER TABLE agents ADD COLUMN revoked_at INTEGER;
`;
