/** Adds the key of each agent that has proven one: from then on its secret does not admit it. */
export const agentKeys = `
ALTER TABLE agents ADD COLUMN public_key BLOB;
`;
