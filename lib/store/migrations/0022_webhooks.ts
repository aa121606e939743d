/** Adds what webhooks have yet to tell, and the absences of agents that they have told. */
export const webhooks = `
CREATE TABLE deliveries (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  hook TEXT NOT NULL,
  event TEXT NOT NULL,
  -- Id of a job, or name of an agent.
  subject TEXT NOT NULL,
  at INTEGER NOT NULL,
  tries INTEGER NOT NULL,
  next_at INTEGER NOT NULL
) STRICT;

-- An absence is known by the connection before it.
CREATE TABLE told_absences (
  hook TEXT NOT NULL,
  agent TEXT NOT NULL,
  connected_at INTEGER NOT NULL,
  PRIMARY KEY (hook, agent)
) STRICT, WITHOUT ROWID;
`;
