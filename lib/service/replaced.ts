import type { Clock, Timer } from "../base/clock.ts";

/** Time between two looks at the file of the program, in milliseconds. */
const LOOK_MS = 30_000;

/** Parts of a `ReplacedWatch`. */
export interface ReplacedWatchOptions {
  readonly clock: Clock;
  /** Identifies the file that the program was started from, as it is now; undefined if there is none. */
  readonly identify: () => Promise<string | undefined>;
  /** Called once when another file has taken its place. */
  readonly onReplaced: () => void;
}

/** Looks whether the file of a running program was replaced, as the upgrade of a package does. */
export class ReplacedWatch implements Disposable {
  readonly #options: ReplacedWatchOptions;
  #first: string | undefined;
  #timer: Timer | undefined;
  #isOver = false;

  constructor(options: ReplacedWatchOptions) {
    this.#options = options;
  }

  /** Notes the file as it is now, and begins to look. */
  async start(): Promise<void> {
    this.#first = await this.#options.identify();
    if (this.#first !== undefined) this.#lookLater();
  }

  [Symbol.dispose](): void {
    this.#isOver = true;
    this.#timer?.cancel();
  }

  #lookLater(): void {
    if (this.#isOver) return;
    this.#timer = this.#options.clock.timer(LOOK_MS, () => void this.#look());
  }

  async #look(): Promise<void> {
    const now = await this.#options.identify();
    if (this.#isOver) return;
    // Between two packages there may be no file for a while.
    if (now === undefined || now === this.#first) return this.#lookLater();
    this.#isOver = true;
    this.#options.onReplaced();
  }
}
