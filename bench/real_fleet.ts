import { PiriError } from "../lib/base/errors.ts";
import { run } from "../scripts/build/run.ts";
import { Daemon } from "../scripts/local/daemon.ts";
import type { Programs } from "../scripts/local/programs.ts";
import { TempFolder } from "../scripts/local/temp_folder.ts";
import type { LeftOut } from "./pair.ts";
import { inParallel } from "./parallel.ts";
import { LocalManager } from "./local_manager.ts";

/** Reason to leave out a pair that measures the executables. */
export const NOT_COMPILED: LeftOut = {
  leftOut: "there are no executables: deno task build",
};

/** Number of agents that start at a time. */
const PARALLEL = 4;

/** A compiled Manager and compiled agents, web-1 and on, each a connected process. */
export class RealFleet implements AsyncDisposable {
  private constructor(
    readonly manager: LocalManager,
    readonly agents: readonly Daemon[],
    readonly programs: Programs,
    readonly undo: AsyncDisposableStack,
  ) {}

  static async start(
    programs: Programs,
    { agents: count = 1, prepare, around }: {
      agents?: number;
      /** Makes the command line of an agent, as one that starts it in surroundings of its own. */
      around?: (id: string, argv: readonly string[]) => Promise<string[]>;
      /** Gets the Manager's folder before the first start. */
      prepare?: (dir: string) => Promise<void>;
    } = {},
  ): Promise<RealFleet> {
    await using undo = new AsyncDisposableStack();
    const folder = undo.use(await TempFolder.make("piri-bench-"));
    const manager = undo.use(
      await LocalManager.start(
        programs,
        prepare === undefined ? {} : { prepare },
      ),
    );
    const names = Array.from({ length: count }, (_, i) => `web-${i + 1}`);
    const agents: Daemon[] = [];
    await inParallel(names, PARALLEL, async (id) => {
      const { token } = await manager.control.agents.addAgent({ id });
      const where = ["--dir", folder.at(id)];
      await run([...programs.agent, "join", token, ...where]);
      const own = [...programs.agent, "run", ...where];
      const argv = await around?.(id, own) ?? own;
      agents.push(undo.use(new Daemon(`the agent ${id}`, { argv })));
    });
    await manager.connected(count);
    return new RealFleet(manager, agents, programs, undo.move());
  }

  /** The only agent. */
  get agent(): Daemon {
    const [agent, ...others] = this.agents;
    if (agent !== undefined && others.length === 0) return agent;
    throw new PiriError("INTERNAL", "Cannot tell which agent is meant");
  }

  /** Command line of `piri-manager run`. */
  run(...args: readonly string[]): string[] {
    return this.command("run", ...args);
  }

  /** Command line of a subcommand of `piri-manager`. */
  command(subcommand: string, ...args: readonly string[]): string[] {
    const { programs, manager } = this;
    return [...programs.manager, subcommand, "--dir", manager.dir, ...args];
  }

  /** Time between two points of the newest command, in milliseconds. */
  async timeOf(
    begin: "createdAtMs" | "agentStartedAtMs",
    end: "finishedAtMs" | "agentFinishedAtMs",
  ): Promise<number> {
    const { commands: [newest] } = await this.manager.control.commands
      .listCommands({ limit: 1 });
    const { [begin]: begun, [end]: ended } = newest ?? {};
    if (begun !== undefined && ended !== undefined) {
      return Number(ended - begun);
    }
    throw new PiriError("INTERNAL", "Cannot find a command that has ended");
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.undo.disposeAsync();
  }
}
