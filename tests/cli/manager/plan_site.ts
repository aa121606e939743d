import { main } from "../../../lib/cli/main.ts";
import { PlanFleet } from "../../manager/plans/plan_fleet.ts";
import { startControl } from "../../support/control.ts";
import { SmallManager } from "../../support/small_manager.ts";
import type { FakeTerminal, Surroundings } from "../fake_terminal.ts";
import { realTimeTerminal, SERVED } from "./real_terminal.ts";
import { programOf } from "./start.ts";

/** Agents of the fleet. */
export const NAMES = ["web-1", "web-2", "web-3"];

/** Time of a list for people. */
const TIME = /\d{4}-\d\d-\d\d \d\d:\d\d:\d\d/g;

/** States of a message, and of a program that tells it. */
export const STATES = {
  "states/all/motd.yaml": `
- Note:
    type: file.Installed
    path: "%ROOT%/\${agent}/motd"
    content: "\${text} by \${agent}\\n"
    mode: 0644
- Log:
    type: command.Run
    command: "echo told >> %ROOT%/\${agent}/log"
    onchanges: Note
`,
  "data/all.yaml": "text: hello\n",
};

/** A fleet with states, and a command line that asks its Manager. */
export interface PlanSite extends AsyncDisposable {
  readonly fleet: PlanFleet;
  /** Starts a subcommand at a terminal. */
  begin(
    args: readonly string[],
    surroundings?: Surroundings,
  ): {
    readonly code: Promise<number>;
    readonly fake: FakeTerminal;
    /** Resolves once it asks for a key. */
    readonly asked: Promise<void>;
  };
  /** Runs a subcommand to its end. Times in its output are "TIME". */
  run(
    ...args: string[]
  ): Promise<
    { readonly code: number; readonly out: string; readonly err: string }
  >;
}

/** Starts it with the files of the Manager's folder, by their paths. */
export async function served(
  files: Readonly<Record<string, string>> = STATES,
): Promise<PlanSite> {
  await using undo = new AsyncDisposableStack();
  const fleet = undo.use(await PlanFleet.start(NAMES, files));
  const { agents, commands, jobs, plans, drift, approvals } = fleet.manager;
  const manager = Object.assign(new SmallManager(), {
    agents,
    commands,
    jobs,
    plans,
    drift,
    approvals,
  });
  const { dir } = undo.use(await startControl({ manager }));
  const opened = undo.move();
  const begin = (args: readonly string[], surroundings: Surroundings = {}) => {
    const { terminal, fake } = realTimeTerminal(surroundings);
    const asked = Promise.withResolvers<void>();
    const code = main(programOf(SERVED), [...args, "--dir", dir], {
      ...terminal,
      onKey: (callback) => {
        asked.resolve();
        return fake.onKey(callback);
      },
    });
    return { code, fake, asked: asked.promise };
  };
  return {
    fleet,
    begin,
    run: async (...args: string[]) => {
      const { code, fake } = begin(args);
      const ended = await code;
      const out = fake.stdout.text.replaceAll(TIME, "TIME");
      return { code: ended, out, err: fake.stderr.text };
    },
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}
