import type { JournalEntry } from "../journal/journal.ts";

/** After so many deliveries that ended in a protocol error, a result goes without what may be at fault. */
const MAX_REJECTIONS = 2;

/** How often the delivery of each result ended in a protocol error: protocol.md section 3. */
export class Rejections {
  readonly #counts = new WeakMap<JournalEntry, number>();

  /** The connection ended in a protocol error while this result was on its way. */
  add(entry: JournalEntry): void {
    this.#counts.set(entry, (this.#counts.get(entry) ?? 0) + 1);
  }

  /** Whether the result should go with its id, status and times only. */
  isSuspect(entry: JournalEntry): boolean {
    return (this.#counts.get(entry) ?? 0) >= MAX_REJECTIONS;
  }
}
