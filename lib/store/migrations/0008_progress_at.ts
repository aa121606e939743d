/**
 * Adds the time of a command's newest progress, and an index on it. Most commands report none, and are not in the index.
 */
export const progressAt = `
ALTER TABLE commands ADD COLUMN progress_at INTEGER;
CREATE INDEX commands_progressed ON commands (progress_at) WHERE progress_at IS NOT NULL;
`;
