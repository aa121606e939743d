import type { JournalEntry } from "../journal/journal.ts";

/**
 * Count of deliveries that ended in a protocol error, after which the result is sent without the parts that may be at
 * fault.
 */
const MAX_REJECTIONS = 2;

/** Counts, for each result, the deliveries that ended in a protocol error: protocol.md, "What an agent keeps". */
export class Rejections {
  readonly #counts = new WeakMap<JournalEntry, number>();

  /** Counts a connection that ended in a protocol error while this result was under way. */
  add(entry: JournalEntry): void {
    this.#counts.set(entry, (this.#counts.get(entry) ?? 0) + 1);
  }

  /** True if the result should be sent with only its id, status and times. */
  isSuspect(entry: JournalEntry): boolean {
    return (this.#counts.get(entry) ?? 0) >= MAX_REJECTIONS;
  }
}
