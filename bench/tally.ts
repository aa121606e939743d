/** A count that can be waited for. */
export class Tally {
  #count = 0;
  #awaited: { readonly count: number; readonly done: () => void } | undefined;

  get count(): number {
    return this.#count;
  }

  add(): void {
    this.#count++;
    this.#settle();
  }

  /** Resolves once the count is reached. One wait at a time. */
  reached(count: number): Promise<void> {
    const { promise, resolve: done } = Promise.withResolvers<void>();
    this.#awaited = { count, done };
    this.#settle();
    return promise;
  }

  #settle(): void {
    if (this.#awaited === undefined) return;
    if (this.#count >= this.#awaited.count) this.#awaited.done();
  }
}
