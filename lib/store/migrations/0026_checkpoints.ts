/** Adds signed checkpoints of the audit, the stub of what was pruned, and the time up to which commands were deleted. */
export const checkpoints = `
CREATE TABLE audit_checkpoints (
  id INTEGER PRIMARY KEY,
  -- Number of entries, and the hash of the newest of them.
  count INTEGER NOT NULL,
  hash BLOB NOT NULL,
  at INTEGER NOT NULL,
  -- Public key that signed it.
  key BLOB NOT NULL,
  signature BLOB NOT NULL
) STRICT;

-- Stands for the entries that were pruned: one row, or none.
CREATE TABLE audit_stub (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  count INTEGER NOT NULL,
  hash BLOB NOT NULL,
  at INTEGER NOT NULL,
  key BLOB NOT NULL,
  signature BLOB NOT NULL
) STRICT;

-- Commands that ended before this time may have been deleted.
ALTER TABLE meta ADD COLUMN commands_deleted_before INTEGER NOT NULL DEFAULT 0;
UPDATE meta SET commands_deleted_before = unixepoch('now') * 1000;
`;
