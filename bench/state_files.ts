import { join } from "@std/path";
import { compiled } from "../scripts/local/programs.ts";
import { DescribedFiles } from "./described_files.ts";
import type { LeftOut, OpenPair, Pair } from "./pair.ts";
import { lacking } from "./peer.ts";
import { puppetApply } from "./puppet.ts";
import { NOT_COMPILED, RealFleet } from "./real_fleet.ts";
import { timedWell } from "./timed.ts";

const STEPS = 1_000;

/** Number of tasks of Ansible whose time is measured. A thousand would take minutes. */
const TASKS = 20;

/** A state of many files, when nothing is to do. */
export const stateFiles: Pair = {
  name: "state-files",
  instead: { tool: "puppet", task: "Check 1,000 files" },
  unit: "ms",
  goal: { most: 0.1 },
  ours:
    "compiled `piri-manager plan web-1`: 1,000 files, all as they should be, wall time",
  beside: "`puppet apply` of the same files on the host itself",
  async open(): Promise<OpenPair | LeftOut> {
    const lacks = await lacking("puppet");
    if (lacks !== undefined) return lacks;
    const opened = await FilesAndFleet.open();
    if ("leftOut" in opened) return opened;
    const { folder } = opened.files;
    const manifest = await opened.files.manifest();
    return {
      ours: () => opened.plan(),
      beside: () => timedWell(puppetApply(folder, manifest), COMPLAINS),
      [Symbol.asyncDispose]: () => opened[Symbol.asyncDispose](),
    };
  },
};

/** Most time from the command to its result, in milliseconds. */
const MAX_COMMAND_MS = 300;

/** The same, without the start of the command line. */
export const stateFilesCommand: Pair = {
  name: "state-files-command",
  unit: "ms",
  goal: { most: 1 },
  ours:
    "a plan of the same files, from the command to its result, as the Manager records both",
  beside: `the limit of ${MAX_COMMAND_MS} ms`,
  async open(): Promise<OpenPair | LeftOut> {
    const opened = await FilesAndFleet.open();
    if ("leftOut" in opened) return opened;
    return {
      async ours() {
        await opened.plan();
        return await opened.fleet.timeOf("createdAtMs", "finishedAtMs");
      },
      beside: () => Promise.resolve(MAX_COMMAND_MS),
      [Symbol.asyncDispose]: () => opened[Symbol.asyncDispose](),
    };
  },
};

/** The same, for a step. */
export const stateFilesAnsible: Pair = {
  name: "state-files-ansible",
  instead: { tool: "ansible", task: "Check a file" },
  unit: "ms",
  goal: { most: 1 / 1_000 },
  ours:
    "a thousandth of the time of `piri-manager plan web-1` with 1,000 files, all as they should be",
  beside:
    "a task `copy` of `ansible-playbook` on the host itself, without its start",
  async open(): Promise<OpenPair | LeftOut> {
    const lacks = await lacking("ansible-playbook");
    if (lacks !== undefined) return lacks;
    const opened = await FilesAndFleet.open();
    if ("leftOut" in opened) return opened;
    const { files } = opened;
    const one = await files.playbook(1);
    const more = await files.playbook(1 + TASKS);
    return {
      ours: async () => await opened.plan() / STEPS,
      async beside() {
        const start = await playbook(one, { folder: files.folder.path });
        const all = await playbook(more, { folder: files.folder.path });
        return (all - start) / TASKS;
      },
      [Symbol.asyncDispose]: () => opened[Symbol.asyncDispose](),
    };
  },
};

/** The gate of an apply looks at each step as a plan does, and the run looks once more. */
export const stateGate: Pair = {
  name: "state-gate",
  unit: "ms",
  goal: { most: 2 },
  ours:
    "`piri-manager apply p-N`: one step of 1,001 changes, the others are files as they should be",
  beside: "`piri-manager plan web-1` of the same",
  async open(): Promise<OpenPair | LeftOut> {
    const opened = await FilesAndFleet.open([
      { Change: { type: "noop.Noop", changed: true } },
    ]);
    if ("leftOut" in opened) return opened;
    let plans = 0;
    const plan = () => {
      plans++;
      return opened.run(["plan", "web-1"], "~ Change");
    };
    return {
      async ours() {
        await plan();
        return await opened.run(
          ["apply", `p-${plans}`],
          "web-1: applied: 1 changed",
        );
      },
      beside: plan,
      [Symbol.asyncDispose]: () => opened[Symbol.asyncDispose](),
    };
  },
};

/** Puppet and our command line say on stderr what they did. */
const COMPLAINS = { complains: true, isRight: () => true };

/** Described files, and a fleet of one agent with a state of them. */
export class FilesAndFleet implements AsyncDisposable {
  private constructor(
    readonly files: DescribedFiles,
    readonly fleet: RealFleet,
    readonly undo: AsyncDisposableStack,
  ) {}

  /** Starts the fleet. The state has these steps, too, and a step for each of `count` files. */
  static async open(
    steps: readonly unknown[] = [],
    count = STEPS,
  ): Promise<FilesAndFleet | LeftOut> {
    const programs = await compiled();
    if (programs === undefined) return NOT_COMPILED;
    await using undo = new AsyncDisposableStack();
    const files = undo.use(await DescribedFiles.make(count));
    const state = [...steps, ...JSON.parse(files.state())];
    const fleet = undo.use(
      await RealFleet.start(programs, {
        prepare: (dir) => writeState(dir, state),
      }),
    );
    return new FilesAndFleet(files, fleet, undo.move());
  }

  /** Time of a plan that finds nothing to do, in milliseconds. */
  plan(): Promise<number> {
    return this.run(["plan", "web-1"], "nothing to do on 1 agent");
  }

  /** Time of a subcommand, whose output must have these words. */
  run([subcommand = "", ...args]: string[], words: string): Promise<number> {
    return timedWell(this.fleet.command(subcommand, ...args), {
      complains: true,
      isRight: (stdout) => new TextDecoder().decode(stdout).includes(words),
    });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.undo.disposeAsync();
  }
}

/** Writes the whole state of all agents into a Manager's folder. */
export async function writeState(dir: string, state: unknown): Promise<void> {
  await Deno.mkdir(join(dir, "states"), { recursive: true });
  await Deno.writeTextFile(
    join(dir, "states", "all.yaml"),
    JSON.stringify(state),
  );
}

function playbook(
  path: string,
  { folder }: { readonly folder: string },
): Promise<number> {
  return timedWell(["ansible-playbook", "-i", "localhost,", path], {
    env: {
      ANSIBLE_LOCAL_TEMP: join(folder, "ansible"),
      ANSIBLE_REMOTE_TEMP: join(folder, "ansible-remote"),
      ANSIBLE_NOCOLOR: "1",
    },
    complains: true,
    isRight: (stdout) =>
      /ok=\d+ +changed=0 .*failed=0/.test(new TextDecoder().decode(stdout)),
  });
}
