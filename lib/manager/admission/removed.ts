import { Bye_Code } from "../../../proto/gen/piri/agent/v1/agent_messages.ts";

/**
 * Time after which a removed agent may dial again, in milliseconds. It adds a random time of up to the same length. It
 * goes on dialling because its entry can come back: with the same secret, or with a restored database.
 */
const RETRY_AFTER_MS = 300_000;

/** Bye for an agent that was removed. */
export const REMOVED = {
  code: Bye_Code.REMOVED,
  reason: "this agent was removed from the fleet",
  retryAfterMs: RETRY_AFTER_MS,
} as const;
