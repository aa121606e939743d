/** Adds operators who ask from other machines, with their tokens and the rules of what they may. */
export const operators = `
CREATE TABLE operators (
  name TEXT PRIMARY KEY,
  role TEXT NOT NULL,
  suspended INTEGER NOT NULL DEFAULT 0,
  created_at INTEGER NOT NULL
) STRICT;

-- Only hashes are kept, of tokens and of the codes that are traded for them.
CREATE TABLE operator_tokens (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  operator TEXT NOT NULL REFERENCES operators (name) ON DELETE CASCADE,
  hash BLOB NOT NULL UNIQUE,
  is_code INTEGER NOT NULL,
  -- Of a code: how long its token will be good, in milliseconds.
  life_ms INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  used_at INTEGER,
  used_from TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE INDEX operator_tokens_by_operator ON operator_tokens (operator);

CREATE TABLE operator_rules (
  operator TEXT NOT NULL REFERENCES operators (name) ON DELETE CASCADE,
  number INTEGER NOT NULL,
  deny INTEGER NOT NULL,
  on_targets TEXT NOT NULL,
  operations TEXT NOT NULL,
  argv TEXT NOT NULL,
  most INTEGER NOT NULL,
  trust_facts INTEGER NOT NULL,
  PRIMARY KEY (operator, number)
) STRICT, WITHOUT ROWID;
`;
