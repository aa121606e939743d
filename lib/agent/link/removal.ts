/** Shortest time after which a removed agent dials again, in milliseconds. It adds a random time of up to the same length. */
export const REMOVED_RETRY_MS = 300_000;

/** Sentence about the way back for an agent that was removed. */
export function wayBack(name: string): string {
  return `to use this host again, run "piri-manager agent add ${name}" on the Manager, and stop the agent and run "piri-agent join" with the new token here`;
}
