/** Narrowest window, in milliseconds. */
const MIN_WINDOW_MS = 5_000;

/** Widest window, in milliseconds: that of agents which were told none. */
const MAX_WINDOW_MS = 60_000;

/** Width for each agent of the fleet, in milliseconds. */
const MS_PER_AGENT = 12;

/**
 * Widest window of random delays between two dials of an agent, in milliseconds, for a fleet of this size.
 *
 * An agent dials twice in a window, on average. So while a Manager is away, all agents together dial at most 167 times a
 * second for up to 5,000 agents, and as many times as before for larger fleets.
 */
export function reconnectWindowMs(agents: number): number {
  const window = agents * MS_PER_AGENT;
  return Math.min(Math.max(window, MIN_WINDOW_MS), MAX_WINDOW_MS);
}

/** Time after which a Manager that cannot record asks an agent with this window to come back, in milliseconds. */
export function busyRetryMs(windowMs: number): number {
  return windowMs / 2;
}
