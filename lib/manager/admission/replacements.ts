import type { Clock } from "../../base/clock.ts";
import { Refusal } from "../../wire/connection.ts";

/** So many replacements of one agent's connection in a minute are borne. */
const MAX_REPLACEMENTS = 6;
const WITHIN_MS = 60_000;

/** How often the connection of each name was replaced of late: two hosts with one name would replace each other for ever. */
export class Replacements {
  readonly #clock: Clock;
  /** When, by name and the monotonic clock. */
  readonly #times = new Map<string, number[]>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** A connection of this name was replaced. */
  add(name: string): void {
    const times = this.#times.get(name) ?? [];
    this.#times.set(name, [...times, this.#clock.monotonic()]);
  }

  /**
   * Lets a newcomer of this name replace its connection, or not.
   *
   * @throws {Refusal} BUSY
   */
  check(name: string): void {
    const since = this.#clock.monotonic() - WITHIN_MS;
    const recent = (this.#times.get(name) ?? []).filter((at) => at > since);
    if (recent.length === 0) this.#times.delete(name);
    else this.#times.set(name, recent);
    if (recent.length < MAX_REPLACEMENTS) return;
    throw new Refusal(
      "BUSY",
      `Cannot admit "${name}": its connection was replaced ${recent.length} times within a minute; do two hosts have this name?`,
      WITHIN_MS,
    );
  }
}
