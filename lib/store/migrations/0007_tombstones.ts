/** Adds what is kept of removed agents: an agent that still has its old secret is told that it was removed. */
export const tombstones = `
CREATE TABLE tombstones (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  agent TEXT NOT NULL,
  secret_hash BLOB NOT NULL,
  removed_at INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX tombstones_by_secret ON tombstones (agent, secret_hash);
CREATE INDEX tombstones_removed ON tombstones (removed_at);
`;
