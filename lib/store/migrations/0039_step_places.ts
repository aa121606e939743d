/** Adds the places of steps in the files of states, as they were when a plan was made. */
export const stepPlaces = `
-- SHA-256 of a blob with the places of the steps of the compiled state, in hex digits; empty for none.
ALTER TABLE plan_agents ADD COLUMN places TEXT NOT NULL DEFAULT '';
CREATE INDEX plans_by_agent ON plan_agents (agent, plan_id);
`;
