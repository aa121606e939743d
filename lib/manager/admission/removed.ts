import {
  type Bye,
  Bye_Code,
} from "../../../proto/gen/piri/agent/v1/agent_messages.ts";
import type { Dialect } from "../../wire/dialect.ts";

/**
 * Time after which a removed agent may dial again, in milliseconds. It adds a random time of up to the same length. It
 * goes on dialling because its entry can come back: with the same secret, or with a restored database.
 */
const RETRY_AFTER_MS = 300_000;

/** Bye for an agent that was removed, and that reads its code. */
export const REMOVED = {
  code: Bye_Code.REMOVED,
  reason: "this agent was removed from the fleet",
  retryAfterMs: RETRY_AFTER_MS,
} as const;

/** Bye for an agent that is removed while it is connected, in its dialect. */
export function removedBye(
  { readsByeCodes }: Pick<Dialect, "readsByeCodes">,
): Pick<Bye, "code" | "reason"> & { readonly retryAfterMs?: number } {
  return readsByeCodes
    ? REMOVED
    : { code: Bye_Code.AUTH_FAILED, reason: "auth failed" };
}
