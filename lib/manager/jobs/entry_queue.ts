import { type Batch, type BatchBounds, takeBatch } from "./batch.ts";
import type { EntryPages } from "./entry_pages.ts";
import type { Unstarted, Verdict } from "./verdict.ts";

/** Entries of a job that have not started, in the order in which they may. */
export class EntryQueue {
  readonly #pages: EntryPages;
  /** Queued entries whose agents may be there. */
  readonly #back = new Map<number, string>();

  constructor(pages: EntryPages) {
    this.#pages = pages;
  }

  /** Notes that the agent of a queued entry is there, or has gone. */
  lookAt(position: number, agent: string): void {
    this.#back.set(position, agent);
  }

  /** Notes that an entry has ended. */
  forget(position: number): void {
    this.#back.delete(position);
  }

  /** Takes the entries of one turn. */
  async take(
    verdict: (entry: Unstarted) => Verdict,
    bounds: () => BatchBounds,
  ): Promise<Batch> {
    await this.#pages.fill();
    const sources = { back: this.#back, pages: this.#pages };
    return takeBatch(sources, { verdict, bounds: bounds() });
  }

  /** Gives entries back whose turn could not be recorded. */
  takeBack(entries: readonly Unstarted[]): void {
    let first = Infinity;
    for (const { position, agent, from } of entries) {
      if (from === "queued") this.#back.set(position, agent);
      else first = Math.min(first, position);
    }
    if (first !== Infinity) this.#pages.backTo(first);
  }
}
