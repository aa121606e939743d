/** Adds what operators have signed of jobs, and of jobs that wait for approvals. */
export const signedWork = `
-- JSON: the statement, its signatures, and how many of them it waits for.
ALTER TABLE jobs ADD COLUMN signed TEXT;
ALTER TABLE approvals ADD COLUMN signed TEXT;
`;
