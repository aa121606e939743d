import { PiriError } from "../lib/base/errors.ts";
import { EMPTY_TRUST } from "../lib/base/trust.ts";
import { until } from "../scripts/local/until.ts";
import { Child } from "./child.ts";
import { namesOf } from "./enrol.ts";
import { PARALLEL_DIALS, PROVING } from "./pair.ts";
import { shares } from "./shares.ts";
import type { Connected, Returned } from "./simulated_fleet.ts";

/** Simulated agents of a Manager on this machine, in as few processes as can hold them. */
export class LoadFleet implements AsyncDisposable {
  private constructor(
    readonly agents: number,
    readonly children: readonly Child[],
    readonly undo: AsyncDisposableStack,
  ) {}

  /** Enrols agents, without connecting them. `parallel` limits the redials at a time. */
  static async start(
    dir: string,
    agents: number,
    { parallel = PARALLEL_DIALS, isProving = false }: {
      parallel?: number;
      /** True if agents prove keys, rather than to send secrets. */
      isProving?: boolean;
    } = {},
  ): Promise<LoadFleet> {
    await using undo = new AsyncDisposableStack();
    const children: Child[] = [];
    let after = 0;
    for (const share of shares(agents)) {
      const dials = Math.ceil(parallel * share / agents);
      const args = [
        ...[dir, ...[share, after, dials].map(String)],
        isProving ? PROVING : "secrets",
      ];
      // Agents trust one authority only. The HTTP client that enrols these would load all others first.
      const env = EMPTY_TRUST;
      const child = undo.use(
        await Child.start("./load_child.ts", { args, env }),
      );
      children.push(child);
      after += share;
    }
    return new LoadFleet(agents, children, undo.move());
  }

  /**
   * Connects all, and returns the rate in agents a second.
   *
   * @throws {PiriError} INTERNAL if one of them could not connect
   */
  async connect(): Promise<number> {
    const parts = await this.#ask<Connected>("connect");
    expectNone("could not connect", parts);
    return this.agents / Math.max(...parts.map(({ seconds }) => seconds));
  }

  /** Names of all agents, in groups of this size. Each group has equal shares of all processes. */
  groups(size: number): string[][] {
    const share = this.agents / this.children.length;
    const parts = this.children.map((_, i) => namesOf(share, share * i));
    return Array.from(
      { length: this.agents / size },
      (_, group) =>
        parts.flatMap((names) => {
          const part = size / parts.length;
          return names.slice(group * part, (group + 1) * part);
        }),
    );
  }

  /** Waits for this number of sent results since the fleet was made, an equal share from each process. */
  async answered(results: number): Promise<void> {
    await this.#ask("answered", results / this.children.length);
  }

  /** Waits for this number of acknowledged results since the fleet was made, an equal share from each process. */
  async recorded(results: number): Promise<void> {
    await this.#ask("recorded", results / this.children.length);
  }

  /** Reconnects agents that were cut off, from now on. */
  async stay(pauseMs: number): Promise<void> {
    await this.#ask("stay", pauseMs);
  }

  /** Waits until this number of agents is connected. */
  async present(count: number): Promise<void> {
    await until(
      `${count} agents are connected`,
      async () => {
        const parts = await this.#ask<number>("present");
        return parts.reduce((sum, part) => sum + part, 0) === count;
      },
      { ms: 120_000 },
    );
  }

  /**
   * Reports on the agents that came back, by process.
   *
   * @throws {PiriError} INTERNAL if a dial failed that was answered
   */
  async returned(): Promise<readonly Returned[]> {
    const parts = await this.#ask<Returned>("returned");
    expectNone("could not come back", parts);
    return parts;
  }

  /** Ends all connections with a Bye. */
  async leave(): Promise<void> {
    await this.#ask("leave");
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.undo.disposeAsync();
  }

  async #ask<T>(question: string, value?: number): Promise<T[]> {
    return await Promise.all(
      this.children.map((child) => child.ask(question, value) as Promise<T>),
    );
  }
}

function expectNone(
  what: string,
  parts: readonly Pick<Connected, "failures">[],
): void {
  const failed = parts.flatMap(({ failures }) => Object.entries(failures));
  if (failed.length === 0) return;
  const reasons = failed.map(([reason, count]) => `${count} times ${reason}`);
  throw new PiriError(
    "INTERNAL",
    `Cannot measure: agents ${what}, ${reasons.join("; ")}`,
  );
}
