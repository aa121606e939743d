/**
 * Adds a plain column with the time of a command's end, for finding ended commands. A computed column was evaluated for
 * every index at every change, and cost more than the change itself.
 */
export const finished = `
DROP INDEX commands_ended;
DROP INDEX commands_ended_with_output;
DROP INDEX commands_presumed;
ALTER TABLE commands DROP COLUMN ended_at;
UPDATE commands SET finished_at = created_at
  WHERE finished_at IS NULL AND state NOT IN ('queued', 'sent', 'running');
CREATE INDEX commands_finished ON commands (finished_at) WHERE finished_at IS NOT NULL;
CREATE INDEX commands_with_output ON commands (finished_at) WHERE output_kept > 0;
CREATE INDEX commands_presumed ON commands (finished_at) WHERE presumed = 1;
`;
