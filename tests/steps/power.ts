/** Power of a machine that lasts for a number of writes. */
export class Power {
  #left: number;
  readonly #cut = Promise.withResolvers<void>();

  constructor(writes = Infinity) {
    this.#left = writes;
  }

  /** Resolves when it has been cut. */
  get cut(): Promise<void> {
    return this.#cut.promise;
  }

  /** Uses the power for a write. Never settles once it has been cut. */
  async use(): Promise<void> {
    if (this.#left-- > 0) return;
    this.#cut.resolve();
    await new Promise<never>(() => {});
  }
}
