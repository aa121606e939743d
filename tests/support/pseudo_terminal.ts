import { LiveProgram, until } from "./live_program.ts";

/** Reason why there is no `script` of util-linux here, which makes a pseudo-terminal; undefined if there is one. */
export const NEEDS_PSEUDO_TERMINAL = await reasonWithoutPseudoTerminal();

async function reasonWithoutPseudoTerminal(): Promise<string | undefined> {
  if (Deno.build.os !== "linux") return "not on Linux";
  try {
    const args = ["--version"];
    const { stdout } = await new Deno.Command("script", { args }).output();
    return new TextDecoder().decode(stdout).includes("util-linux")
      ? undefined
      : "script is not that of util-linux";
  } catch {
    return "there is no script here";
  }
}

/**
 * Line of a shell that passes SIGHUP on to its program, as the shell of a person does, and writes the exit code. The
 * first `wait` ends when the signal comes.
 */
const SHELL = `trap 'kill -HUP "$pid"' HUP
"$@" </dev/tty 2>"$LOG" &
pid=$!
echo "$pid" >"$PID"
wait "$pid"
code=$?
[ "$code" = 129 ] && { wait "$pid"; code=$?; }
echo "$code" >"$CODE"`;

/** Program that a shell runs at a pseudo-terminal of its own. Its log goes to a file. */
export class AtTerminal implements AsyncDisposable {
  readonly #terminal: LiveProgram;
  readonly #log: string;
  readonly #code: string;
  readonly #pid: string;

  /**
   * Starts a program.
   *
   * @param path Beginning of the paths of its files.
   */
  constructor(path: string, argv: readonly string[]) {
    this.#log = `${path}.log`;
    this.#code = `${path}.code`;
    this.#pid = `${path}.pid`;
    const line = ["sh", "-c", SHELL, "sh", ...argv].map(quoted).join(" ");
    this.#terminal = new LiveProgram(
      `terminal of ${path}`,
      ["script", "-qec", line, "/dev/null"],
      { LOG: this.#log, CODE: this.#code, PID: this.#pid, NO_COLOR: "1" },
    );
  }

  /** Waits until this is on the terminal. */
  async printed(pattern: RegExp): Promise<void> {
    await this.#terminal.printed(pattern);
  }

  /** Closes the terminal, as a window that is closed does, and waits for the program. Returns its end. */
  async close(): Promise<{ readonly code: number; readonly log: string }> {
    await this.#terminal.kill();
    const code = await until(
      "the program has ended",
      () => numberIn(this.#code),
    );
    return { code, log: await Deno.readTextFile(this.#log) };
  }

  /** Stops a program that still runs. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#terminal.kill();
    const pid = await numberIn(this.#pid);
    if (pid === undefined || await numberIn(this.#code) !== undefined) return;
    Deno.kill(pid, "SIGTERM");
    await until("the program has stopped", () => numberIn(this.#code));
  }
}

/** Number in a file, once its line is whole. */
async function numberIn(path: string): Promise<number | undefined> {
  const text = await Deno.readTextFile(path).catch(() => "");
  return text.endsWith("\n") ? Number(text) : undefined;
}

function quoted(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}
