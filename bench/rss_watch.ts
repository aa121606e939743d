import { sleep, systemClock } from "../lib/base/clock.ts";
import { megabytes, rssOf } from "./memory.ts";

/** Time between two looks, in milliseconds. */
const LOOK_MS = 50;

/** Watches the memory of processes during some work. */
export class RssWatch {
  readonly #pids: Readonly<Record<string, number>>;
  readonly #before = new Map<string, number>();
  readonly #most = new Map<string, number>();

  constructor(pids: Readonly<Record<string, number>>) {
    this.#pids = pids;
  }

  /** Does the work, and returns its result. */
  async during<T>(work: () => Promise<T>): Promise<T> {
    await this.#look(this.#before, (former) => former === undefined);
    const over = new AbortController();
    const looking = this.#lookUntil(over.signal);
    try {
      return await work();
    } finally {
      over.abort();
      await looking;
    }
  }

  /** Largest memory of a process during the work, in bytes. */
  mostOf(name: string): number {
    return this.#most.get(name) ?? 0;
  }

  /** Memory of each process before the first work, and its maximum since. */
  notes(): string[] {
    return Object.keys(this.#pids).map((name) =>
      `memory of the ${name}: ${
        megabytes(this.#before.get(name) ?? 0)
      } before, at most ${megabytes(this.#most.get(name) ?? 0)} while it lasts`
    );
  }

  async #lookUntil(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#look(
        this.#most,
        (former, now) => former === undefined || now > former,
      );
      await sleep(systemClock, LOOK_MS, signal);
    }
  }

  async #look(
    into: Map<string, number>,
    counts: (former: number | undefined, now: number) => boolean,
  ): Promise<void> {
    for (const [name, pid] of Object.entries(this.#pids)) {
      const rss = await rssOf(pid);
      if (rss !== undefined && counts(into.get(name), rss)) into.set(name, rss);
    }
  }
}
