import { fromSource } from "../scripts/local/programs.ts";
import { LoadFleet } from "./load_fleet.ts";
import { LocalManager } from "./local_manager.ts";
import { NoOps } from "./no_ops.ts";
import type { LeftOut, OpenPair, Pair } from "./pair.ts";
import { processorUseOf } from "./processor.ts";
import { withCommas } from "./table.ts";

const MANY = 10_000;

/** Number of agents in one request, on both sides. Only the number of other agents differs. */
const FEW = 100;

/** Number of commands in one measurement. */
const COMMANDS = 10_000;

/** Cost of a command for the Manager of a larger fleet. */
export const growth: Pair = {
  name: "growth",
  unit: "µs",
  goal: { most: 1.2 },
  ours: `processor time of the Manager for a no-op command: ${
    withCommas(COMMANDS)
  } of them, ${FEW} by a request, spread over ${withCommas(MANY)} agents`,
  beside: `the same, all to ${FEW} agents`,
  async open(size): Promise<OpenPair | LeftOut> {
    if (Deno.build.os !== "linux") {
      return { leftOut: "processor time of other programs is not known here" };
    }
    await using undo = new AsyncDisposableStack();
    const many = undo.use(
      await Grown.start(size === "quick" ? MANY / 5 : MANY),
    );
    const few = undo.use(await Grown.start(FEW));
    const opened = undo.move();
    const commands = size === "quick" ? COMMANDS / 5 : COMMANDS;
    return {
      ours: () => many.microsecondsEach(commands),
      beside: () => few.microsecondsEach(commands),
      [Symbol.asyncDispose]: () => opened.disposeAsync(),
    };
  },
};

/** A Manager with a fleet of this size. */
class Grown implements AsyncDisposable {
  private constructor(
    readonly manager: LocalManager,
    readonly groups: readonly (readonly string[])[],
    readonly commands: NoOps,
    readonly undo: AsyncDisposableStack,
  ) {}

  static async start(agents: number): Promise<Grown> {
    await using undo = new AsyncDisposableStack();
    const manager = undo.use(await LocalManager.start(fromSource));
    const load = undo.use(await LoadFleet.start(manager.dir, agents));
    await load.connect();
    const commands = new NoOps(manager, load);
    return new Grown(manager, load.groups(FEW), commands, undo.move());
  }

  /** Has the groups of the fleet run commands in turns. */
  async microsecondsEach(commands: number): Promise<number> {
    const requests = Array.from(
      { length: commands / FEW },
      (_, i) => this.groups[i % this.groups.length] ?? [],
    );
    const { pid } = this.manager.daemon;
    const before = await processorUseOf(pid);
    await this.commands.ask(requests, FEW);
    const after = await processorUseOf(pid);
    return (after.cpuMs - before.cpuMs) * 1_000 / commands;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.undo.disposeAsync();
  }
}
