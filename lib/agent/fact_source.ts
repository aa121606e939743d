import { type Clock, sleep } from "../base/clock.ts";
import { allFacts } from "../operations/all_facts.ts";
import type { Facts } from "../operations/host_facts.ts";
import { operationNames } from "../operations/registry.ts";
import type { Surroundings } from "../operations/surroundings.ts";

/** Longest time for which a hello waits for new facts if there are earlier ones, in milliseconds. */
const WAIT_MS = 500;

/** Facts for each hello. */
export class FactSource {
  readonly #collect: () => Promise<Facts>;
  readonly #clock: Clock;
  #latest: Facts | undefined;
  #pending: Promise<Facts> | undefined;

  constructor(collect: () => Promise<Facts>, clock: Clock) {
    this.#collect = collect;
    this.#clock = clock;
  }

  /** Facts as they are now; the earlier ones if a slow program has not told its own yet. */
  async now(): Promise<Facts> {
    const pending = this.#pending ??= this.#collect().finally(() => {
      this.#pending = undefined;
    });
    const latest = this.#latest;
    if (latest === undefined) return this.#latest = await pending;
    const enough = new AbortController();
    const facts = await Promise.race([
      pending,
      sleep(this.#clock, WAIT_MS, enough.signal).then(() => latest),
    ]);
    enough.abort();
    pending.then((facts) => this.#latest = facts, () => {});
    return facts;
  }
}

/** All facts of an agent's hello. */
export function helloFacts(
  { allowTestOperations, surroundings }: {
    readonly allowTestOperations: boolean;
    readonly surroundings: Surroundings;
  },
): Promise<Facts> {
  // Names of the agent's operations, so that a Manager can refuse others early.
  const operations = operationNames({ allowTestOperations }).join(" ");
  return allFacts({ surroundings, told: { operations } });
}
