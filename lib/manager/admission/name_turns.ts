/** Work for names, one at a time for each name. */
export class NameTurns {
  /** The last work for each name, until it is done. */
  readonly #pending = new Map<string, Promise<void>>();

  /** Runs `work` after all earlier work for the name. */
  async run<T>(name: string, work: () => Promise<T>): Promise<T> {
    const before = this.#pending.get(name) ?? Promise.resolve();
    const mine = before.then(work);
    const settled = mine.then(() => {}, () => {});
    this.#pending.set(name, settled);
    try {
      return await mine;
    } finally {
      if (this.#pending.get(name) === settled) this.#pending.delete(name);
    }
  }
}
