/** Adds former names of agents: an agent that still says one is admitted by its present name, and learns it. */
export const agentAliases = `
CREATE TABLE agent_aliases (
  name TEXT NOT NULL PRIMARY KEY,
  agent TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX agent_aliases_by_agent ON agent_aliases (agent);
`;
