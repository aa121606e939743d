/** Narrowest window, in milliseconds. */
const MIN_WINDOW_MS = 5_000;

/** Widest window, in milliseconds: that of agents which were told none. */
const MAX_WINDOW_MS = 60_000;

/**
 * Narrowest window of agents whose Manager is there for a minute at a time, in milliseconds. They dial an address at
 * which nobody is for hours, and are still there soon once somebody is.
 */
const MIN_BRIEF_WINDOW_MS = 15_000;

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

/** The same for a Manager that is there for a minute at a time. */
export function briefWindowMs(agents: number): number {
  return Math.max(reconnectWindowMs(agents), MIN_BRIEF_WINDOW_MS);
}

/**
 * Time after which a Manager asks an agent with this window to come back, in milliseconds, because it cannot record or
 * goes away.
 */
export function busyRetryMs(windowMs: number): number {
  return windowMs / 2;
}
