import { PiriError } from "../lib/base/errors.ts";
import { compiled, type Programs } from "../scripts/local/programs.ts";
import { LoadFleet } from "./load_fleet.ts";
import { LocalManager } from "./local_manager.ts";
import { NoOps } from "./no_ops.ts";
import { type LeftOut, NOT_QUICK, type OpenPair, type Pair } from "./pair.ts";
import { watchProcess } from "./process_watch.ts";
import { NOT_COMPILED } from "./real_fleet.ts";
import { timedWell } from "./timed.ts";

const AGENTS = 10_000;

/** Number of agents of the fleet whose output differs from that of all others. */
const DIFFERENT = AGENTS / 1_000;

/** A job of all agents, by one command line that waits for its end. */
export const job10k: Pair = {
  name: "job-10k",
  unit: "commands/s",
  goal: { least: 1.3 },
  ours:
    "one compiled `run all` of a no-op on 10,000 agents, from the start of the command line to its exit",
  beside: "the same by the older call Run, which answers with the commands",
  async open(size): Promise<OpenPair | LeftOut> {
    if (size === "quick") return NOT_QUICK;
    const programs = await compiled();
    if (programs === undefined) return NOT_COMPILED;
    await using undo = new AsyncDisposableStack();
    const manager = undo.use(await LocalManager.start(programs));
    const load = undo.use(await LoadFleet.start(manager.dir, AGENTS));
    await load.connect();
    const commands = new NoOps(manager, load);
    const opened = undo.move();
    return {
      async ours() {
        const argv = runAll(programs, manager, "--quiet", ...NO_OP);
        const ms = await timedWell(argv, { complains: true });
        commands.others(AGENTS);
        return AGENTS / ms * 1_000;
      },
      async beside() {
        return AGENTS / await commands.run(1);
      },
      [Symbol.asyncDispose]: () => opened.disposeAsync(),
    };
  },
};

/** Memory of a command line that watches a job of all agents and shows their outputs in groups. */
export const groups10k: Pair = {
  name: "groups-10k",
  unit: "MB",
  goal: { most: 2.5 },
  ours:
    `memory of the compiled command line that runs a program on 10,000 agents, of which ${DIFFERENT} print something else`,
  beside: "the same on one agent",
  async open(size): Promise<OpenPair | LeftOut> {
    if (size === "quick") return NOT_QUICK;
    const programs = await compiled();
    if (programs === undefined) return NOT_COMPILED;
    await using undo = new AsyncDisposableStack();
    const manager = undo.use(await LocalManager.start(programs));
    const load = undo.use(await LoadFleet.start(manager.dir, AGENTS));
    await load.connect();
    const opened = undo.move();
    const notes: string[] = [];
    return {
      async ours() {
        const argv = runAll(programs, manager, "--", "true");
        const seen = await watchProcess(argv);
        expectBlocks(seen.stdout);
        notes.push(
          `${seen.seconds.toFixed(1)} s, processor ${
            (seen.processorShare * 100).toFixed(0)
          } % of a core`,
        );
        return seen.mostBytes / 1e6;
      },
      async beside() {
        const argv = runOn(programs, manager, ["sim-00001", "--", "true"]);
        return (await watchProcess(argv)).mostBytes / 1e6;
      },
      notes: () => notes,
      [Symbol.asyncDispose]: () => opened.disposeAsync(),
    };
  },
};

const NO_OP = ["--op", "echo.Echo", "text=x"];

function runAll(
  programs: Programs,
  manager: LocalManager,
  ...words: string[]
): string[] {
  return runOn(programs, manager, ["all", ...words]);
}

function runOn(
  programs: Programs,
  { dir }: LocalManager,
  words: readonly string[],
): string[] {
  return [...programs.manager, "run", "--dir", dir, ...words];
}

/** @throws {PiriError} INTERNAL unless each different output is a block of its own, and all others are one */
function expectBlocks(stdout: string): void {
  const blocks = stdout.split("\n").filter((line) => /\bok\b/.test(line));
  if (blocks.length === DIFFERENT + 1) return;
  throw new PiriError(
    "INTERNAL",
    `Cannot measure: there are ${blocks.length} blocks and not ${
      DIFFERENT + 1
    }: ${stdout.slice(0, 500)}`,
  );
}
