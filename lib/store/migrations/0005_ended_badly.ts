/**
 * Adds an index of the commands of an agent that ended badly, which are rare. Successful commands are not in it, so
 * that most commands never change it. Open commands are few.
 */
export const endedBadly = `
CREATE INDEX commands_ended_badly ON commands (agent, state, id)
  WHERE state IN ('failed', 'cancelled', 'timed_out', 'refused', 'lost');
`;
