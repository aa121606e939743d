import { PiriError } from "../../lib/base/errors.ts";
import { Daemon } from "../local/daemon.ts";
import type { Programs } from "../local/programs.ts";
import { quote } from "./quote.ts";
import type { Screen } from "./screen.ts";

/** Command as typed, with its state folder. */
export interface Typed {
  readonly program: keyof Programs;
  readonly args: readonly string[];
  readonly dir: string;
}

/** Parts of a shell. */
export interface ShellOptions {
  readonly programs: Programs;
  readonly screen: Screen;
  /** Aborted to end the running commands. */
  readonly signal: AbortSignal;
}

/** Runs the two programs as a person at a terminal would, and shows each command line before its output. */
export class Shell {
  readonly #options: ShellOptions;

  constructor(options: ShellOptions) {
    this.#options = options;
  }

  /**
   * Shows a command and runs it to its end. Its output goes where the demo's own output goes.
   *
   * @throws {PiriError} INTERNAL if its exit code is not the expected one
   */
  async run(typed: Typed, { expected = 0 } = {}): Promise<void> {
    const { screen } = this.#options;
    screen.command(textOf(typed));
    const { code } = await this.#spawn(typed, {
      stdout: "inherit",
      stderr: "inherit",
    }).status;
    this.#check(typed, code, expected);
    if (code !== 0) screen.exitCode(code);
  }

  /** Does the same as `run`, and returns the output, which is shown once the command has ended. */
  async read(typed: Typed): Promise<string> {
    const { screen } = this.#options;
    screen.command(textOf(typed));
    const text = await this.#capture(typed);
    screen.output(text);
    return text;
  }

  /** Shows and runs two commands, the second of which reads the output of the first. */
  async pipe(from: Typed, to: Typed): Promise<void> {
    const { screen } = this.#options;
    const text = await this.#capture(to, await this.#capture(from));
    // Shown afterwards, because several of these run at a time.
    screen.command(`${textOf(from)} | ${textOf(to)}`);
    screen.output(text);
  }

  /** Shows a command and starts it in the background. */
  start(typed: Typed, name: string): Daemon {
    this.#options.screen.command(`${textOf(typed)} &`);
    return new Daemon(name, { argv: this.#argvOf(typed) });
  }

  async #capture(typed: Typed, input?: string): Promise<string> {
    const child = this.#spawn(typed, {
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    });
    const writer = child.stdin.getWriter();
    // A program that does not read its input reports that by its exit code.
    writer.write(new TextEncoder().encode(input)).catch(() => {});
    writer.close().catch(() => {});
    const { code, stdout } = await child.output();
    this.#check(typed, code, 0);
    return new TextDecoder().decode(stdout);
  }

  #spawn(
    typed: Typed,
    streams: Pick<Deno.CommandOptions, "stdin" | "stdout" | "stderr">,
  ): Deno.ChildProcess {
    const { signal } = this.#options;
    signal.throwIfAborted();
    const [program = "", ...args] = this.#argvOf(typed);
    return new Deno.Command(program, {
      args,
      stdin: "null",
      ...streams,
      signal,
    }).spawn();
  }

  #check(typed: Typed, code: number, expected: number): void {
    this.#options.signal.throwIfAborted();
    if (code === expected) return;
    throw new PiriError(
      "INTERNAL",
      `Cannot go on: "${
        textOf(typed)
      }" ended with ${code} instead of ${expected}`,
    );
  }

  #argvOf({ program, args, dir }: Typed): string[] {
    const end = args.indexOf("--");
    const at = end === -1 ? args.length : end;
    return [
      ...this.#options.programs[program],
      ...args.slice(0, at),
      "--dir",
      dir,
      ...args.slice(at),
    ];
  }
}

function textOf({ program, args }: Typed): string {
  return quote([`piri-${program}`, ...args]);
}
