import { type Clock, systemClock, within } from "../../lib/base/clock.ts";
import { PiriError } from "../../lib/base/errors.ts";

/**
 * Time that a program has to end after it was asked to, in milliseconds: an agent may wait 5 s for programs, and 5 s
 * for its Manager.
 */
const END_MS = 12_000;

/** Limit of a stored log, in characters. */
const MAX_LOG = 100_000;

/** Options of a daemon. */
export interface DaemonOptions {
  readonly argv: readonly string[];
  /** Variables in addition to those of this process. */
  readonly env?: Record<string, string>;
  readonly clock?: Clock;
}

/** Program that serves until it is ended, with its output and its log. Disposing ends it. */
export class Daemon implements AsyncDisposable {
  readonly name: string;
  /** Resolves when it has ended, for whatever reason. */
  readonly ended: Promise<Deno.CommandStatus>;
  readonly #child: Deno.ChildProcess;
  readonly #clock: Clock;
  readonly #lines: ReadableStreamDefaultReader<string>;
  readonly #input: WritableStreamDefaultWriter<string>;
  /** Newest parts of its log, oldest first. */
  readonly #log: string[] = [];
  #stopped: Promise<void> | undefined;

  constructor(name: string, { argv, env, clock }: DaemonOptions) {
    const [program = "", ...args] = argv;
    this.name = name;
    this.#clock = clock ?? systemClock;
    this.#child = new Deno.Command(program, {
      args,
      env: env ?? {},
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const encoder = new TextEncoderStream();
    // A failed write shows by the end of the program, which all callers wait for.
    encoder.readable.pipeTo(this.#child.stdin).catch(() => {});
    this.#input = encoder.writable.getWriter();
    this.#input.closed.catch(() => {});
    this.#lines = this.#child.stdout
      .pipeThrough(new TextDecoderStream())
      .pipeThrough(lines())
      .getReader();
    const logged = this.#readLog();
    this.ended = logged.then(() => this.#child.status);
  }

  get pid(): number {
    return this.#child.pid;
  }

  /** Newest part of its standard error. */
  get log(): string {
    return this.#log.join("").slice(-MAX_LOG);
  }

  /**
   * Reads the next line of its standard output.
   *
   * @throws {PiriError} UNAVAILABLE if it ends instead, TIMED_OUT
   */
  async line(ms = 60_000): Promise<string> {
    const { value } = await within(
      this.#clock,
      ms,
      this.#lines.read(),
      `Cannot go on: ${this.name} printed nothing for ${ms / 1_000} s`,
    );
    if (value !== undefined) return value;
    const { code } = await this.ended;
    throw new PiriError(
      "UNAVAILABLE",
      `Cannot go on: ${this.name} ended with ${code}${this.#lastWords()}`,
    );
  }

  /** Writes a line to its standard input. */
  async say(line: string): Promise<void> {
    await this.#input.write(`${line}\n`);
  }

  /** Asks it to end, and does not wait. */
  end(): void {
    this.#kill("SIGTERM");
  }

  /** Asks it to end, and kills it if it does not. */
  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  async #stop(): Promise<void> {
    this.end();
    const timer = this.#clock.timer(END_MS, () => this.#kill("SIGKILL"));
    await this.#lines.cancel();
    await this.ended;
    timer.cancel();
    await this.#input.abort().catch(() => {});
  }

  /** Reason that it told for its end: the last line of its log, or the first line of an uncaught error. */
  #lastWords(): string {
    const lines = this.log.trimEnd().split("\n");
    const words = lines.findLast((line) => /^error\b/i.test(line)) ??
      lines.at(-1) ?? "";
    return words === "" ? "" : `: ${words}`;
  }

  #kill(signal: Deno.Signal): void {
    try {
      this.#child.kill(signal);
    } catch {
      // The program has ended already.
    }
  }

  async #readLog(): Promise<void> {
    const text = this.#child.stderr.pipeThrough(new TextDecoderStream());
    let length = 0;
    for await (const part of text) {
      this.#log.push(part);
      length += part.length;
      // Parts are dropped whole: a copy of all for each part would cost as much as the rest of a bench.
      while (length - (this.#log[0]?.length ?? length) >= MAX_LOG) {
        length -= this.#log.shift()?.length ?? 0;
      }
    }
  }
}

/** Splits text into lines. Text after the last line end is dropped. */
function lines(): TransformStream<string, string> {
  let rest = "";
  return new TransformStream({
    transform(text, controller) {
      const parts = (rest + text).split("\n");
      rest = parts.pop() ?? "";
      for (const part of parts) controller.enqueue(part);
    },
  });
}
