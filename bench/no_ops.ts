import { systemClock } from "../lib/base/clock.ts";
import { PiriError } from "../lib/base/errors.ts";
import type { LoadFleet } from "./load_fleet.ts";
import type { LocalManager } from "./local_manager.ts";
import { startOn, succeeded } from "./run_on.ts";

/** Largest number of commands in one answer of the Manager. */
const PAGE = 1_000;

/** Commands without work. */
export class NoOps {
  readonly #manager: LocalManager;
  readonly #load: LoadFleet;
  #commands = 0;

  constructor(manager: LocalManager, load: LoadFleet) {
    this.#manager = manager;
    this.#load = load;
  }

  /** Counts commands that the agents have run for somebody else, whose results the fleet counts as well. */
  others(commands: number): void {
    this.#commands += commands;
  }

  /** Has each agent run this number of commands, all agents by one request. See `ask`. */
  async run(each: number): Promise<number> {
    const toAll = Array.from({ length: each }, () => ["sim-*"]);
    return await this.ask(toAll, this.#load.agents);
  }

  /**
   * Has agents run commands, two requests at a time, so that the slowest answer to one does not hold up the rest. Each
   * request names its agents and the number of its commands. Returns the time until the agents were told that all
   * results are on the Manager's disk, in seconds.
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
      await startOn(this.#manager.control, agents);
      this.#commands += commandsEach;
    }
    await this.#load.recorded(this.#commands);
    const seconds = (systemClock.monotonic() - began) / 1_000;
    await this.#check(requests.length * commandsEach);
    return seconds;
  }

  /** Checks the newest commands in the Manager's database. */
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
