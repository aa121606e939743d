/** Power of a machine that lasts for a number of writes. */
export class Power {
  #left: number;
  readonly #cut = Promise.withResolvers<void>();

  constructor(writes: number) {
    this.#left = writes;
  }

  /** Resolves when it has been cut. */
  get cut(): Promise<void> {
    return this.#cut.promise;
  }

  /** Uses the power for a write. True if it is cut in it. */
  isCut(): boolean {
    if (this.#left-- > 0) return false;
    this.#cut.resolve();
    return true;
  }

  /** Uses the power for a write. Never settles once it has been cut. */
  async use(): Promise<void> {
    if (this.isCut()) await new Promise<never>(() => {});
  }
}
