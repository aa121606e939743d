import { messageOf, PiriError } from "../../lib/base/errors.ts";
import type { Daemon } from "../local/daemon.ts";
import type { Programs } from "../local/programs.ts";
import { TempFolder } from "../local/temp_folder.ts";
import { Screen } from "./screen.ts";
import { Shell } from "./shell.ts";
import { Story } from "./story.ts";

/** Exit codes of a program that a signal ended, as shells have them. */
const INTERRUPTIONS: ReadonlyMap<Deno.Signal, number> = Deno.build.os ===
    "windows"
  ? new Map([["SIGINT", 130], ["SIGBREAK", 149]])
  : new Map([["SIGHUP", 129], ["SIGINT", 130], ["SIGTERM", 143]]);

/**
 * Tells the story with these programs, ends all that it started, and returns the exit code: 1 if anything went wrong,
 * after the logs of the programs, or that of the signal that interrupted it.
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
    // Ended first, so that the logs are whole.
    await endAll(daemons);
    for (const { name, log } of daemons) {
      screen.error(`\n--- the log of ${name} ---\n${log.trimEnd()}`);
    }
    if (!(error instanceof PiriError)) throw error;
    return 1;
  }
}

/** Agents first: they say Bye to a Manager that is still there. */
async function endAll(daemons: readonly Daemon[]): Promise<void> {
  const [manager, ...agents] = daemons;
  await Promise.all(agents.map((agent) => agent.stop()));
  await manager?.stop();
}

/** Ctrl-C, or the system's wish that the program ends. */
class Interruption implements Disposable {
  /** That of the first signal; undefined as long as there was none. */
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
