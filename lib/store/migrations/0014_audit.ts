/** Adds the audit: a chain of entries, one for each act that somebody asked for, and the end of the chain. */
export const audit = `
CREATE TABLE audit (
  -- 1, 2, 3 and so on, without a gap.
  id INTEGER PRIMARY KEY,
  at INTEGER NOT NULL,
  who TEXT NOT NULL,
  credential TEXT NOT NULL,
  origin TEXT NOT NULL,
  act TEXT NOT NULL,
  target TEXT NOT NULL,
  operation TEXT NOT NULL,
  decision TEXT NOT NULL,
  rule TEXT NOT NULL,
  -- SHA-256 of what was asked for.
  statement BLOB,
  outcome TEXT NOT NULL,
  note TEXT NOT NULL,
  -- SHA-256 of the hash before it and this entry.
  hash BLOB NOT NULL
) STRICT;

-- The end of the chain, which tells if entries are missing there.
ALTER TABLE meta ADD COLUMN audit_last_id INTEGER NOT NULL DEFAULT 0;
ALTER TABLE meta ADD COLUMN audit_head BLOB;
`;
