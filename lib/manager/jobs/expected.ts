import type { Clock, Timer } from "../../base/clock.ts";
import type { AgentRecord } from "../../store/records.ts";
import type { Store } from "../../store/store.ts";

/** Shortest time after the Manager's start in which agents are expected back, in milliseconds. */
const GRACE_MS = 30_000;

/** Agents that were connected when the last Manager stopped, and are expected back at any moment. */
export class ExpectedAgents {
  #names = new Set<string>();
  #timer: Timer | undefined;

  /**
   * Expects agents from now on.
   *
   * @param agents Records of all agents.
   * @param options `stoppingAt` is the time at which the last Manager began to stop; null if it was not told. `windowMs` is
   * the widest window of the dials of agents. `over` is called when none is expected any more.
   */
  expect(
    agents: readonly AgentRecord[],
    { stoppingAt, windowMs, clock, over }: {
      readonly stoppingAt: number | null;
      readonly windowMs: number;
      readonly clock: Clock;
      readonly over: () => void;
    },
  ): void {
    this.#names = new Set(
      agents.filter((agent) => wasConnected(agent, stoppingAt))
        .map(({ id }) => id),
    );
    if (this.#names.size === 0) return;
    this.#timer = clock.timer(Math.max(GRACE_MS, windowMs), () => {
      this.#names = new Set();
      over();
    });
  }

  has(name: string): boolean {
    return this.#names.has(name);
  }

  /** Takes note of an agent that is back. If it goes again, it is away as any other. */
  came(name: string): void {
    this.#names.delete(name);
  }

  /** Expects none any more: the Manager stops. */
  close(): void {
    this.#timer?.cancel();
  }
}

/**
 * Counts the agents that were connected when the last Manager ended. To be called before a Manager has loaded.
 *
 * @throws {PiriError} DISK, CORRUPT
 */
export async function countConnected(
  store: Pick<Store, "agents" | "stoppingAt">,
): Promise<number> {
  const stoppingAt = await store.stoppingAt();
  const agents = await store.agents();
  return agents.filter((agent) => wasConnected(agent, stoppingAt)).length;
}

function wasConnected(
  { connectedAt, disconnectedAt }: AgentRecord,
  stoppingAt: number | null,
): boolean {
  if (connectedAt === null) return false;
  // The end of its connection may not have been recorded.
  if (disconnectedAt === null || connectedAt > disconnectedAt) return true;
  return stoppingAt !== null && disconnectedAt >= stoppingAt;
}
