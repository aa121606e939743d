import { systemClock } from "../lib/base/clock.ts";
import { PiriError } from "../lib/base/errors.ts";
import type { LoadFleet } from "./load_fleet.ts";
import type { LocalManager } from "./local_manager.ts";
import { runOn, succeeded } from "./run_on.ts";

/** As many as one answer lists. */
const PAGE = 1_000;

/** Commands that cost agents nothing. */
export class NoOps {
  readonly #manager: LocalManager;
  readonly #load: LoadFleet;
  #commands = 0;

  constructor(manager: LocalManager, load: LoadFleet) {
    this.#manager = manager;
    this.#load = load;
  }

  /** Has each agent carry out so many, all agents by one request. Else as `ask`. */
  async run(each: number): Promise<number> {
    const toAll = Array.from({ length: each }, () => ["sim-*"]);
    return await this.ask(toAll, this.#load.agents);
  }

  /**
   * Has agents carry them out, two requests at a time, so that nobody waits for the slowest answer to one. Returns after
   * how many seconds they had been told that all results are on the Manager's disk. Each request, which names its agents,
   * makes so many commands.
   *
   * @throws {PiriError} INTERNAL unless all succeeded
   */
  async ask(
    requests: readonly (readonly string[])[],
    commandsEach: number,
  ): Promise<number> {
    const began = systemClock.monotonic();
    const before = this.#commands;
    for (const agents of requests) {
      await this.#load.answered(
        Math.max(before, this.#commands - commandsEach),
      );
      await runOn(this.#manager.control, agents);
      this.#commands += commandsEach;
    }
    await this.#load.recorded(this.#commands);
    const seconds = (systemClock.monotonic() - began) / 1_000;
    await this.#check(requests.length * commandsEach);
    return seconds;
  }

  /** Looks at the newest in the Manager's database. */
  async #check(commands: number): Promise<void> {
    let count = 0;
    let beforeId: bigint | undefined;
    for (let left = commands; left > 0; left -= PAGE) {
      const page = await this.#manager.control.commands.listCommands({
        limit: Math.min(left, PAGE),
        ...(beforeId === undefined ? {} : { beforeId }),
      });
      count += succeeded(page.commands);
      beforeId = page.commands.at(-1)?.id;
    }
    if (count === commands) return;
    throw new PiriError(
      "INTERNAL",
      `Cannot measure: ${count} of ${commands} commands succeeded`,
    );
  }
}
