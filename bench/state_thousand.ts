import { compiled } from "../scripts/local/programs.ts";
import { LoadFleet } from "./load_fleet.ts";
import { LocalManager } from "./local_manager.ts";
import type { LeftOut, OpenPair, Pair } from "./pair.ts";
import { PLAN_STEPS } from "./plan_output.ts";
import { processorUseOf } from "./processor.ts";
import { NOT_COMPILED } from "./real_fleet.ts";
import { RssWatch } from "./rss_watch.ts";
import { writeState } from "./state_files.ts";
import { timedWell } from "./timed.ts";

const AGENTS = 1_000;

/** Most processor time of the Manager, in seconds, and most memory, in megabytes. */
const MAX = { seconds: 10, megabytes: 200 };

const PLAN =
  `a plan of ${AGENTS} simulated agents, each with ${PLAN_STEPS} steps, whose records are kept`;

/** Processor time of a Manager that plans for all its hosts. */
export const stateThousand: Pair = {
  name: "state-1k",
  unit: "s",
  goal: { most: 1 },
  ours: `processor time of the Manager for ${PLAN}`,
  beside: `the limit of ${MAX.seconds} s`,
  open: () =>
    open(async (manager, plan) => {
      const { pid } = manager.daemon;
      const before = await processorUseOf(pid);
      await plan();
      return ((await processorUseOf(pid)).cpuMs - before.cpuMs) / 1_000;
    }, MAX.seconds),
};

/** Memory of a Manager that plans for all its hosts. */
export const stateThousandMemory: Pair = {
  name: "state-1k-memory",
  unit: "MB",
  goal: { most: 1 },
  ours: `largest memory of the Manager during ${PLAN}`,
  beside: `the limit of ${MAX.megabytes} MB`,
  open: () =>
    open(async (manager, plan) => {
      const memory = new RssWatch({ Manager: manager.daemon.pid });
      await memory.during(plan);
      return memory.mostOf("Manager") / 1e6;
    }, MAX.megabytes),
};

/** Starts a Manager with agents. `measure` makes one plan, and returns the figure of which `most` is the limit. */
async function open(
  measure: (manager: LocalManager, plan: () => Promise<number>) => Promise<
    number
  >,
  most: number,
): Promise<OpenPair | LeftOut> {
  if (Deno.build.os !== "linux") return { leftOut: "it needs /proc" };
  const programs = await compiled();
  if (programs === undefined) return NOT_COMPILED;
  await using undo = new AsyncDisposableStack();
  const steps = Array.from({ length: PLAN_STEPS }, (_, index) => ({
    [`File ${index}`]: {
      type: "file.Installed",
      path: `/etc/piri/${index}.conf`,
      content: "key = value\n".repeat(20),
      mode: "0644",
    },
  }));
  const manager = undo.use(
    await LocalManager.start(programs, {
      prepare: (dir) => writeState(dir, steps),
    }),
  );
  const load = undo.use(await LoadFleet.start(manager.dir, AGENTS));
  await load.connect();
  const argv = [...programs.manager, "plan", "--dir", manager.dir, "all"];
  const plan = () =>
    timedWell(argv, {
      complains: true,
      isRight: (stdout) =>
        new TextDecoder().decode(stdout).includes(
          `${AGENTS} agents: sim-`,
        ),
    });
  const opened = undo.move();
  return {
    ours: () => measure(manager, plan),
    beside: () => Promise.resolve(most),
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}
