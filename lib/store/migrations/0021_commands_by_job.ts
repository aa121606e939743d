/** Adds an index by which the commands of one job are listed. */
export const commandsByJob = `
CREATE INDEX commands_by_job ON commands (job, id);
`;
