import type { NewEvent } from "../../store/records.ts";

/** Most events that are kept of the beginning, and as many of the end. */
export const MAX_KEPT = 5_000;

/** Events that could not be recorded yet, in order: all up to a limit, and beyond it the first and the latest. */
export class UnrecordedEvents {
  readonly #first: NewEvent[] = [];
  readonly #latest: NewEvent[] = [];
  #dropped = 0;

  get isEmpty(): boolean {
    return this.#first.length === 0 && this.#latest.length === 0;
  }

  get size(): number {
    return this.#first.length + this.#latest.length;
  }

  add(event: NewEvent): void {
    if (this.#latest.length === 0 && this.#first.length < MAX_KEPT) {
      this.#first.push(event);
      return;
    }
    this.#latest.push(event);
    if (this.#latest.length <= MAX_KEPT) return;
    this.#latest.shift();
    this.#dropped++;
  }

  /** Oldest event; undefined if there is none. */
  get oldest(): NewEvent | undefined {
    return this.#first[0] ?? this.#gap() ?? this.#latest[0];
  }

  /** Drops the oldest event, which is recorded now. */
  recorded(): void {
    if (this.#first.length > 0) this.#first.shift();
    else if (this.#dropped > 0) this.#dropped = 0;
    else this.#latest.shift();
  }

  /** Event in place of those that were dropped. */
  #gap(): NewEvent | undefined {
    const [next] = this.#latest;
    if (this.#dropped === 0 || next === undefined) return undefined;
    return {
      at: next.at,
      kind: "events_dropped",
      agent: null,
      commandId: null,
      message:
        `${this.#dropped} events before this one could not be recorded, and were too many to keep`,
    };
  }
}
