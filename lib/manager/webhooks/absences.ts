import type { Clock } from "../../base/clock.ts";
import type { AgentRecord } from "../../store/records.ts";

/** An agent that has no connection. */
export interface Absence {
  readonly agent: string;
  /** Time of the beginning, in milliseconds since 1970. */
  readonly at: number;
  /** Time of the last connection before it, by which it is known. */
  readonly connectedAt: number;
  /** Monotonic time from which it is counted. */
  readonly since: number;
}

/** Agents that have no connection, and since when. While the Manager does not run, no time counts. */
export class Absences {
  readonly #clock: Clock;
  readonly #away = new Map<string, Absence>();
  /** Times of the last connections, in milliseconds since 1970. */
  readonly #connectedAt = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Takes over the agents that have connected before. */
  load(
    agents: readonly Pick<
      AgentRecord,
      "id" | "connectedAt" | "disconnectedAt"
    >[],
  ): void {
    for (const { id, connectedAt, disconnectedAt } of agents) {
      if (connectedAt === null) continue;
      this.came(id, connectedAt);
      // After a crash, the end of the connection is not recorded.
      const isKnown = disconnectedAt !== null && disconnectedAt >= connectedAt;
      this.left(id, isKnown ? disconnectedAt : this.#clock.now());
    }
  }

  came(agent: string, at: number): void {
    this.#away.delete(agent);
    this.#connectedAt.set(agent, Math.trunc(at));
  }

  left(agent: string, at: number): void {
    const connectedAt = this.#connectedAt.get(agent);
    if (connectedAt === undefined) return;
    const since = this.#clock.monotonic();
    this.#away.set(agent, { agent, at, connectedAt, since });
  }

  forget(agent: string): void {
    this.#away.delete(agent);
    this.#connectedAt.delete(agent);
  }

  rename(from: string, to: string): void {
    const absence = this.#away.get(from);
    const connectedAt = this.#connectedAt.get(from);
    this.forget(from);
    if (connectedAt !== undefined) this.#connectedAt.set(to, connectedAt);
    if (absence !== undefined) this.#away.set(to, { ...absence, agent: to });
  }

  /** Agents that have been away for a time, in milliseconds. */
  longerThan(ms: number): Absence[] {
    const until = this.#clock.monotonic() - ms;
    return [...this.#away.values()].filter(({ since }) => since <= until);
  }
}
