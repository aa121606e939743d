/** Takes items from several givers to one taker. A giver goes on once its item was taken, so nothing piles up. */
export class Handoff<T> {
  readonly #offers: { readonly item: T; readonly taken: () => void }[] = [];
  #waiting: ((item: T | undefined) => void) | undefined;
  #closed = false;

  /** Resolves once the item was taken, or nobody takes any more. */
  give(item: T): Promise<void> {
    if (this.#closed) return Promise.resolve();
    if (this.#waiting !== undefined) {
      this.#waiting(item);
      this.#waiting = undefined;
      return Promise.resolve();
    }
    return new Promise((taken) => this.#offers.push({ item, taken }));
  }

  /** The next item, in the order of giving; undefined when there will be none. One call at a time. */
  take(): Promise<T | undefined> {
    const offer = this.#offers.shift();
    if (offer !== undefined) {
      offer.taken();
      return Promise.resolve(offer.item);
    }
    if (this.#closed) return Promise.resolve(undefined);
    return new Promise((resolve) => this.#waiting = resolve);
  }

  /** Ends it: what was offered is dropped, and whoever waits goes on. */
  close(): void {
    this.#closed = true;
    this.#waiting?.(undefined);
    this.#waiting = undefined;
    for (const { taken } of this.#offers.splice(0)) taken();
  }
}
