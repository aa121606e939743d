import type { Command } from "../../../proto/gen/piri/control/v1/control_messages.ts";
import { PRESUMED_AFTER_MS } from "../../base/limits.ts";
import { HintedError } from "../errors.ts";
import { nextLine } from "./ids.ts";
import { namedText } from "./waiting_text.ts";

/** Time beyond the timeout before waiting ends, in milliseconds: the Manager has presumed an end by then. */
const BEYOND_TIMEOUT_MS = PRESUMED_AFTER_MS + 5_000;

/** Longest wait for the end of commands with this timeout, in milliseconds. */
export function longestWait(timeoutMs: number): number {
  return timeoutMs + BEYOND_TIMEOUT_MS;
}

/** Error for commands that have not ended within the longest wait. They go on, because only their agents end them. */
export function waitedTooLong(
  open: readonly Command[],
  { waitMs, now }: { readonly waitMs: number; readonly now: number },
): HintedError {
  return new HintedError(
    "TIMED_OUT",
    `Cannot wait longer for ${
      namedText(open, now)
    }: no result has come within ${waitMs / 1_000} s`,
    nextLine(open.map(({ id }) => id)),
  );
}
