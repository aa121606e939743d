/** Most pieces that are requested ahead of the one that is used: 1 MiB. */
export const MAX_AHEAD = 16;

/** Pieces that are requested at once, so that they cross threads and the network together. */
const TOGETHER = 8;

/** Range of bytes. */
export interface Range {
  readonly offset: number;
  readonly length: number;
}

/** Piece that was requested. */
export interface AskedPiece {
  readonly length: number;
  readonly answer: Promise<Uint8Array>;
}

/** Pieces that follow each other, in order. The next ones are requested while one is used. */
export class PiecesAhead {
  readonly #request: (range: Range) => Promise<Uint8Array>;
  readonly #ranges: Iterator<Range>;
  readonly #asked: AskedPiece[] = [];

  constructor(
    ranges: Iterable<Range>,
    request: (range: Range) => Promise<Uint8Array>,
  ) {
    this.#ranges = ranges[Symbol.iterator]();
    this.#request = request;
  }

  /** Number of pieces that are requested or wait to be used. */
  get count(): number {
    return this.#asked.length;
  }

  /** Requests pieces up to a number ahead of the one that is used. */
  ask(ahead: number): void {
    // One at a time would wake both threads, and cost a write to the Manager, for each.
    if (this.#asked.length > Math.max(0, ahead - TOGETHER)) return;
    while (this.#asked.length < ahead) {
      const { done, value } = this.#ranges.next();
      if (done) return;
      const answer = this.#request(value);
      // The answer is awaited in its turn; a failure before that must not count as unhandled.
      answer.catch(() => {});
      this.#asked.push({ length: value.length, answer });
    }
  }

  /** Takes the next piece off; undefined if none was requested. */
  take(): AskedPiece | undefined {
    return this.#asked.shift();
  }
}
