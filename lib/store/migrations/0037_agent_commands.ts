/**
 * Replaces the index of commands by agent by a table that is filled in bulk: an index is written at each insert, in a
 * page of its own for each agent.
 */
export const agentCommands = `
CREATE TABLE agent_commands (
  agent TEXT NOT NULL,
  id INTEGER NOT NULL,
  PRIMARY KEY (agent, id)
) STRICT, WITHOUT ROWID;
INSERT INTO agent_commands (agent, id) SELECT agent, id FROM commands ORDER BY agent, id;
-- All commands up to this id are in agent_commands.
ALTER TABLE meta ADD COLUMN listed_to INTEGER NOT NULL DEFAULT 0;
UPDATE meta SET listed_to = (SELECT coalesce(max(id), 0) FROM commands);
DROP INDEX commands_by_agent;
`;
