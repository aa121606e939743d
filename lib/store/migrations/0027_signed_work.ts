/** Adds what operators have signed of jobs and of jobs that wait for approvals, and who has approved of jobs. */
export const signedWork = `
-- JSON: the statement, its signatures, and how many of them it waits for.
ALTER TABLE jobs ADD COLUMN signed TEXT;
ALTER TABLE approvals ADD COLUMN signed TEXT;

-- JSON: names of those who have approved.
ALTER TABLE jobs ADD COLUMN approved_by TEXT NOT NULL DEFAULT '[]';
UPDATE jobs SET approved_by = (
  SELECT json_group_array(json_extract(vote.value, '$.by'))
    FROM approvals a, json_each(a.votes) vote WHERE a.job_id = jobs.id
) WHERE id IN (SELECT job_id FROM approvals WHERE job_id IS NOT NULL);
`;
