/**
 * Of one agent, what ended otherwise than well is found though it is rare. Success is not in it, so that most commands
 * never touch it; what is open is little.
 */
export const endedBadly = `
CREATE INDEX commands_ended_badly ON commands (agent, state, id)
  WHERE state IN ('failed', 'cancelled', 'timed_out', 'refused', 'lost');
`;
