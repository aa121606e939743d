import type { Edition } from "./agent/policy/policy_gate.ts";
import { mayRunPrograms, requireWriteIn } from "./base/permissions.ts";

/** Names of the executables. */
export const NAMES: Readonly<Record<Edition, string>> = {
  full: "piri-agent",
  observe: "piri-agent-observe",
};

/** Edition of this program. The runtime holds it to that, and nothing in the program can change it. */
export function ownEdition(): Edition {
  return mayRunPrograms() ? "full" : "observe";
}

/**
 * Refuses to let an agent that can only look write anywhere but in its state folder.
 *
 * @throws {PiriError} FAILED_PRECONDITION
 */
export function requireBounds(edition: Edition, dir: string): void {
  if (edition === "observe") requireWriteIn(dir, NAMES.observe);
}
