/** Largest number of a Ping, after which the count begins anew. The Pings of liveness have 0. */
const MAX_DATA = 2 ** 31 - 1;

/** Pings of one connection that wait for their Pong. */
export class Pings {
  readonly #waiting = new Map<number, () => void>();
  readonly #exact: boolean;
  #last = 0;

  /** `exact` is false for a peer that answers with any number: then a Pong answers all that wait. */
  constructor({ exact }: { exact: boolean }) {
    this.#exact = exact;
  }

  /** Number for a Ping. Its Pong calls back once. Disposing forgets that. */
  add(answered: () => void): Disposable & { readonly data: number } {
    const data = this.#last = this.#last % MAX_DATA + 1;
    this.#waiting.set(data, answered);
    return {
      data,
      [Symbol.dispose]: () => void this.#waiting.delete(data),
    };
  }

  answered(data: number): void {
    const meant = this.#exact ? [data] : [...this.#waiting.keys()];
    for (const each of meant) {
      const answered = this.#waiting.get(each);
      this.#waiting.delete(each);
      answered?.();
    }
  }
}
