/**
 * Passes items from several givers to one taker. A giver continues once its item was taken, so items do not pile up.
 */
export class Handoff<T> {
  readonly #offers: { readonly item: T; readonly taken: () => void }[] = [];
  #waiting: ((item: T | undefined) => void) | undefined;
  #closed = false;

  /** Resolves once the item was taken, or once the handoff is closed. */
  give(item: T): Promise<void> {
    if (this.#closed) return Promise.resolve();
    if (this.#waiting !== undefined) {
      this.#waiting(item);
      this.#waiting = undefined;
      return Promise.resolve();
    }
    return new Promise((taken) => this.#offers.push({ item, taken }));
  }

  /** Takes the next item, in the order of giving; undefined once the handoff is closed. One call at a time. */
  take(): Promise<T | undefined> {
    const offer = this.#offers.shift();
    if (offer !== undefined) {
      offer.taken();
      return Promise.resolve(offer.item);
    }
    if (this.#closed) return Promise.resolve(undefined);
    return new Promise((resolve) => this.#waiting = resolve);
  }

  /** Closes the handoff: items that were not taken are dropped, and all who wait continue. */
  close(): void {
    this.#closed = true;
    this.#waiting?.(undefined);
    this.#waiting = undefined;
    for (const { taken } of this.#offers.splice(0)) taken();
  }
}
