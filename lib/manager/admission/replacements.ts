import type { Clock } from "../../base/clock.ts";
import { Refusal } from "../../wire/connection.ts";

/** Most replacements of one agent's connection within the period. */
const MAX_REPLACEMENTS = 6;

/** Period in which replacements are counted, in milliseconds. */
const PERIOD_MS = 60_000;

/** Limits the replacements of each agent's connection: two hosts with one name would replace each other for ever. */
export class Replacements {
  readonly #clock: Clock;
  /** Monotonic times of the replacements, by name. */
  readonly #times = new Map<string, number[]>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Counts a replacement. */
  add(name: string): void {
    const times = this.#times.get(name) ?? [];
    this.#times.set(name, [...times, this.#clock.monotonic()]);
  }

  /**
   * Checks that a new connection of this name may replace the current one.
   *
   * @throws {Refusal} BUSY if there were too many replacements
   */
  check(name: string): void {
    const since = this.#clock.monotonic() - PERIOD_MS;
    const recent = (this.#times.get(name) ?? []).filter((at) => at > since);
    if (recent.length === 0) this.#times.delete(name);
    else this.#times.set(name, recent);
    if (recent.length < MAX_REPLACEMENTS) return;
    throw new Refusal(
      "BUSY",
      `Cannot admit "${name}": its connection was replaced ${recent.length} times within a minute; do two hosts have this name?`,
      PERIOD_MS,
    );
  }
}
