/** Adds the facts of a host that a plan depends on. */
export const usedFacts = `
-- Questions about facts that the compiled state asked, with their answers, as JSON.
ALTER TABLE plan_agents ADD COLUMN used_facts TEXT NOT NULL DEFAULT '{}';
`;
