import { messageOf, PiriError } from "../../lib/base/errors.ts";
import type { Daemon } from "../local/daemon.ts";
import type { Programs } from "../local/programs.ts";
import { TempFolder } from "../local/temp_folder.ts";
import { Screen } from "./screen.ts";
import { Shell } from "./shell.ts";
import { Story } from "./story.ts";

/** Exit codes of shells for a program that a signal ended. */
const INTERRUPTIONS: ReadonlyMap<Deno.Signal, number> = Deno.build.os ===
    "windows"
  ? new Map([["SIGINT", 130], ["SIGBREAK", 149]])
  : new Map([["SIGHUP", 129], ["SIGINT", 130], ["SIGTERM", 143]]);

/**
 * Runs the demo with these programs, ends all that it started, and returns the exit code. The code is 1 after an error,
 * with the logs of the programs printed, and the signal's own code after an interruption.
 */
export async function demo(programs: Programs): Promise<number> {
  using interruption = new Interruption();
  const screen = new Screen();
  const exitCode = await tell(programs, { screen, interruption });
  if (exitCode === 0) {
    screen.title("All processes are ended, and their folder is removed");
  }
  return exitCode;
}

async function tell(
  programs: Programs,
  { screen, interruption }: { screen: Screen; interruption: Interruption },
): Promise<number> {
  const { signal } = interruption;
  const daemons: Daemon[] = [];
  await using folder = await TempFolder.make("piri-demo-");
  await using _ended = { [Symbol.asyncDispose]: () => endAll(daemons) };
  screen.line(
    "Piri: a Manager and three Agents as processes of their own, " +
      `in ${folder.path} (their --dir is left out below)`,
  );
  try {
    const shell = new Shell({ programs, screen, signal });
    await new Story({ shell, screen, folder, daemons, signal }).tell();
    return 0;
  } catch (error) {
    if (interruption.exitCode !== undefined) return interruption.exitCode;
    screen.error(`\nerror: ${messageOf(error)}`);
    // End the programs first, so that their logs are complete.
    await endAll(daemons);
    for (const { name, log } of daemons) {
      screen.error(`\n--- the log of ${name} ---\n${log.trimEnd()}`);
    }
    if (!(error instanceof PiriError)) throw error;
    return 1;
  }
}

/** Ends the agents first, so that they can say Bye to a Manager that is still there. */
async function endAll(daemons: readonly Daemon[]): Promise<void> {
  const [manager, ...agents] = daemons;
  await Promise.all(agents.map((agent) => agent.stop()));
  await manager?.stop();
}

/** Interruption by Ctrl-C, or by the system. */
class Interruption implements Disposable {
  /** Exit code for the first signal; undefined while there was none. */
  exitCode: number | undefined;
  readonly #controller = new AbortController();
  readonly #undo = new DisposableStack();

  constructor() {
    for (const [signal, exitCode] of INTERRUPTIONS) {
      const listener = () => {
        this.exitCode ??= exitCode;
        this.#controller.abort();
      };
      Deno.addSignalListener(signal, listener);
      this.#undo.defer(() => Deno.removeSignalListener(signal, listener));
    }
  }

  /** Aborted by the first signal. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  [Symbol.dispose](): void {
    this.#undo.dispose();
  }
}
