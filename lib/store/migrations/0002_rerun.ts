/** Adds commands that repeat others, and an index that finds the events of one command or agent without a full scan. */
export const rerun = `
ALTER TABLE commands ADD COLUMN rerun_of INTEGER;
CREATE INDEX events_by_command ON events (command_id, id) WHERE command_id IS NOT NULL;
CREATE INDEX events_by_agent ON events (agent, at) WHERE command_id IS NULL AND agent IS NOT NULL;
`;
