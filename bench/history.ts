import type { Control } from "../lib/api/client.ts";
import { systemClock } from "../lib/base/clock.ts";
import { PiriError } from "../lib/base/errors.ts";
import { statePaths } from "../lib/manager/state/state_paths.ts";
import { CommandState } from "../proto/gen/piri/control/v1/control_messages.ts";
import { say } from "../scripts/build/main.ts";
import { fromSource } from "../scripts/local/programs.ts";
import { fillHistory } from "./history_fill.ts";
import { LocalManager } from "./local_manager.ts";
import type { OpenPair, Pair } from "./pair.ts";
import { median } from "./samples.ts";
import { withCommas } from "./table.ts";

const LONG = 1_000_000;
const SHORT = 1_000;

/** Number of times that each question is asked in one measurement. */
const TIMES = 20;

/** A question that people ask of a history. */
interface Question {
  readonly what: string;
  /** Returns the number of commands found in a history of this length. */
  ask(control: Control, commands: number): Promise<number>;
  /** Expected number of commands found, the same for every length. */
  readonly finds: number;
}

const questions: readonly Question[] = [
  {
    what: "newest",
    ask: (control) => listed(control, { limit: 100 }),
    finds: 100,
  },
  {
    what: "older",
    ask: (control, commands) =>
      listed(control, { limit: 100, beforeId: BigInt(commands / 2) }),
    finds: 100,
  },
  {
    what: "of an agent",
    ask: (control) => listed(control, { limit: 100, agent: "web-3" }),
    finds: 100,
  },
  {
    what: "that failed",
    ask: (control) =>
      listed(control, { limit: 100, states: [CommandState.FAILED] }),
    finds: 100,
  },
  {
    what: "of an agent, that failed",
    ask: (control) =>
      listed(control, {
        limit: 10,
        agent: "web-3",
        states: [CommandState.FAILED],
      }),
    finds: 10,
  },
  {
    what: "of an agent, lost, of which there are none",
    ask: (control) =>
      listed(control, { agent: "web-3", states: [CommandState.LOST] }),
    finds: 0,
  },
  {
    what: "one of them",
    ask: async ({ commands: { getCommand } }, commands) => {
      const commandId = BigInt(commands / 2);
      const { command } = await getCommand({ commandId });
      return command?.id === commandId ? 1 : 0;
    },
    finds: 1,
  },
];

/** Search for commands in a long history. */
export const history: Pair = {
  name: "history",
  unit: "ms",
  goal: { most: 3 },
  ours: `a question to a history of ${
    withCommas(LONG)
  } commands, over the API: newest, older, of an agent, in a state, both, one by its id`,
  beside: `the same to one of ${withCommas(SHORT)}`,
  async open(size): Promise<OpenPair> {
    await using undo = new AsyncDisposableStack();
    const long = undo.use(
      await Past.start(size === "quick" ? LONG / 5 : LONG),
    );
    const short = undo.use(await Past.start(SHORT));
    const opened = undo.move();
    return {
      ours: () => long.millisecondsEach(),
      beside: () => short.millisecondsEach(),
      [Symbol.asyncDispose]: () => opened.disposeAsync(),
    };
  },
};

type Filter = Parameters<Control["commands"]["listCommands"]>[0];

async function listed({ commands }: Control, filter: Filter) {
  return (await commands.listCommands(filter)).commands.length;
}

/** A Manager with a history. */
class Past implements AsyncDisposable {
  private constructor(
    readonly manager: LocalManager,
    readonly commands: number,
  ) {}

  static async start(commands: number): Promise<Past> {
    const manager = await LocalManager.start(fromSource, {
      prepare: (dir) =>
        fillHistory(statePaths(dir).database, {
          commands,
          now: systemClock.now(),
        }),
    });
    return new Past(manager, commands);
  }

  /** Asks every question TIMES times, prints the median of each, and returns the average time of one. */
  async millisecondsEach(): Promise<number> {
    const { control } = this.manager;
    const texts: string[] = [];
    let total = 0;
    for (const { what, ask, finds } of questions) {
      const samples: number[] = [];
      for (let i = 0; i < TIMES; i++) {
        const began = systemClock.monotonic();
        const found = await ask(control, this.commands);
        samples.push(systemClock.monotonic() - began);
        expect(what, found, finds);
      }
      total += samples.reduce((sum, ms) => sum + ms, 0);
      texts.push(`${what} ${median(samples).toFixed(2)}`);
    }
    say(`history of ${withCommas(this.commands)}, ms: ${texts.join("; ")}`);
    return total / TIMES / questions.length;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.manager[Symbol.asyncDispose]();
  }
}

function expect(what: string, found: number, wanted: number): void {
  if (found === wanted) return;
  throw new PiriError(
    "INTERNAL",
    `Cannot measure: ${found} commands instead of ${wanted} (${what})`,
  );
}
