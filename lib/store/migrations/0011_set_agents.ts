/** Adds what operators set of an agent: facts of their own, and that it is gone for good. */
export const setAgents = `
ALTER TABLE agents ADD COLUMN retired INTEGER NOT NULL DEFAULT 0;
ALTER TABLE agents ADD COLUMN set_facts TEXT NOT NULL DEFAULT '{}';
`;
