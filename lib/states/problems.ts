import { formatPlace, type Place } from "./place.ts";

/** Number of errors after which a compilation tells no more of them. */
export const MAX_PROBLEMS = 20;

/** Error or warning about a place in a file. */
export interface Problem {
  readonly place: Place;
  /** Sentence: "Cannot <attempt>: <what is so>"; a warning says what is so. */
  readonly message: string;
  /** Includes and items that lead to the place, the outermost first. */
  readonly chain: readonly string[];
}

/** Error of a state that ends the work on one part of it. Compilation goes on with the next one. */
export class StateError extends Error {
  readonly place: Place;

  constructor(place: Place, message: string) {
    super(message);
    this.name = "StateError";
    this.place = place;
  }
}

/** Errors of a compilation, all of them until there are too many. */
export class Problems {
  readonly #all = new Map<string, Problem>();
  #chain: readonly string[] = [];

  /** True once there are as many as are told. */
  get isFull(): boolean {
    return this.#all.size >= MAX_PROBLEMS;
  }

  /** Errors in the order in which they were found. */
  get all(): readonly Problem[] {
    return [...this.#all.values()].slice(0, MAX_PROBLEMS);
  }

  /** Adds an error. The same one at the same place counts once. */
  add(place: Place, message: string): void {
    const key = `${formatPlace(place)} ${message}`;
    if (this.isFull || this.#all.has(key)) return;
    this.#all.set(key, { place, message, chain: this.#chain });
  }

  /** Does some work, and adds the error that ends it. Undefined if there was one. */
  attempt<T>(work: () => T): T | undefined {
    try {
      return work();
    } catch (error) {
      if (!(error instanceof StateError)) throw error;
      this.add(error.place, error.message);
      return undefined;
    }
  }

  /** Does some work as `attempt` does; errors get a chain of includes and items. */
  along<T>(chain: readonly string[], work: () => T): T | undefined {
    const before = this.#chain;
    this.#chain = chain;
    try {
      return this.attempt(work);
    } finally {
      this.#chain = before;
    }
  }

  /** Does some work inside of an include or an item: errors name it. */
  async within<T>(link: string, work: () => Promise<T>): Promise<T> {
    const before = this.#chain;
    this.#chain = [...before, link];
    try {
      return await work();
    } finally {
      this.#chain = before;
    }
  }
}
