import { type Clock, systemClock } from "../base/clock.ts";
import { messageOf, PiriError } from "../base/errors.ts";
import { type Random, systemRandom } from "../base/random.ts";
import { Turns } from "../base/turns.ts";
import { writeAll } from "../base/write_all.ts";
import { isOutputClosed } from "./closed_output.ts";
import { type InputFile, openInput, readError } from "./input_file.ts";
import { hasKeyboard, onKey } from "./keyboard.ts";
import { type OutFiles, systemOutFiles } from "./out_files.ts";
import { type Scratch, scratchFile } from "./scratch_file.ts";

/** Standard output or standard error. */
export interface Sink {
  /** True if it is a terminal. */
  readonly isTerminal: boolean;
  /**
   * Writes all of the data, after all earlier writes.
   *
   * @throws {OutputLost} for standard output that cannot be written. Standard error never throws.
   */
  write(data: Uint8Array | string): Promise<void>;
}

/** Surroundings of a program: its streams, its user, and time. */
export interface Terminal {
  readonly stdout: Sink;
  readonly stderr: Sink;
  /** True if nobody reads standard output any more, as far as the system tells without a write. */
  isOutputClosed(): boolean;
  /** Width of the terminal, in characters. */
  readonly columns: number;
  readonly clock: Clock;
  readonly random: Random;
  env(name: string): string | undefined;
  /** Reads standard input to its end. */
  readStdin(): Promise<Uint8Array>;
  /** @throws {PiriError} NOT_FOUND, DENIED or DISK */
  readFile(path: string): Promise<Uint8Array>;
  /**
   * Opens a file to read it in pieces, or standard input for "-".
   *
   * @throws {PiriError} NOT_FOUND, DENIED or DISK
   */
  openInput(path: string): Promise<InputFile>;
  /**
   * Makes a place on disk for bytes that would take too much memory.
   *
   * @throws {PiriError} DISK
   */
  scratch(): Scratch;
  /**
   * True if SIGHUP means that the terminal has gone. Otherwise it asks a program that runs for long to read its
   * configuration again.
   */
  readonly hangUpEnds: boolean;
  /** Files that are written for the user. */
  readonly files: OutFiles;
  /** True if keys can be read that a person presses. */
  readonly hasKeyboard: boolean;
  /** Calls back with each character that is typed, at once and without showing it, until it is disposed. */
  onKey(callback: (key: string) => void): Disposable;
  /**
   * Calls back at each such signal, which then does not end the program. On Windows SIGTERM is Ctrl-Break, and there is no
   * SIGUSR1.
   */
  onSignal(signal: StopSignal | "SIGUSR1", callback: () => void): Disposable;
}

/** Signal by which people and the system ask a program to end. SIGINT is Ctrl-C. */
export type StopSignal = typeof STOP_SIGNALS[number];

/** Signals by which people and the system ask a program to end. */
export const STOP_SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** Error of a write to standard output: nothing of what is written from then on arrives. */
export class OutputLost extends PiriError {
  /** Reason: "it is closed", or that of the system. */
  readonly fact: string;

  constructor(fact: string, options?: ErrorOptions) {
    super("DISK", `Cannot write to standard output: ${fact}`, options);
    this.fact = fact;
  }
}

/** Error of a write to standard output whose reader has closed it, as `head` does. Nobody misses the output. */
export class NobodyReads extends OutputLost {
  constructor(options?: ErrorOptions) {
    super("it is closed", options);
  }
}

/** Surroundings of this process. */
export function systemTerminal(): Terminal {
  // One after the other, on both: where they are the same terminal, what is written first is to be seen first.
  const turns = new Turns();
  return {
    stdout: {
      isTerminal: Deno.stdout.isTerminal(),
      write: (data) => turns.run(() => writeOut(Deno.stdout, data)),
    },
    stderr: {
      isTerminal: Deno.stderr.isTerminal(),
      async write(data) {
        // If it fails, nobody is left who could be told.
        await turns.run(() => writeOut(Deno.stderr, data)).catch(() => {});
      },
    },
    isOutputClosed,
    get columns() {
      try {
        // A pseudo-terminal that nobody has given a size says 0.
        return Deno.consoleSize().columns || 80;
      } catch {
        return 80; // not a terminal
      }
    },
    clock: systemClock,
    random: systemRandom,
    env: (name) => Deno.env.get(name),
    readStdin: async () =>
      new Uint8Array(await new Response(Deno.stdin.readable).arrayBuffer()),
    readFile,
    openInput,
    scratch: scratchFile,
    // Asked now: once its terminal has gone, standard input is none.
    hangUpEnds: Deno.build.os === "windows" || Deno.stdin.isTerminal(),
    files: systemOutFiles,
    hasKeyboard: hasKeyboard(),
    onKey,
    onSignal,
  };
}

const encoder = new TextEncoder();

async function writeOut(
  stream: typeof Deno.stdout,
  data: Uint8Array | string,
): Promise<void> {
  const bytes = typeof data === "string" ? encoder.encode(data) : data;
  try {
    await writeAll(stream, bytes);
  } catch (error) {
    throw outputLost(error);
  }
}

/** Error codes of a stream whose other end has gone: a closed pipe, and a terminal that was closed. */
const CLOSED: ReadonlySet<unknown> = new Set(["EPIPE", "EIO"]);

function outputLost(cause: unknown): OutputLost {
  const code = cause instanceof Error && "code" in cause ? cause.code : "";
  return cause instanceof Deno.errors.BrokenPipe || CLOSED.has(code)
    ? new NobodyReads({ cause })
    : code === "ENOSPC"
    ? new OutputLost("no space is left on its device", { cause })
    : new OutputLost(messageOf(cause), { cause });
}

async function readFile(path: string): Promise<Uint8Array> {
  try {
    return await Deno.readFile(path);
  } catch (error) {
    throw readError(path, error);
  }
}

function onSignal(
  name: StopSignal | "SIGUSR1",
  callback: () => void,
): Disposable {
  const isWindows = Deno.build.os === "windows";
  if (isWindows && name === "SIGUSR1") return { [Symbol.dispose]() {} };
  const signal = isWindows && name === "SIGTERM" ? "SIGBREAK" : name;
  Deno.addSignalListener(signal, callback);
  return {
    [Symbol.dispose]: () => Deno.removeSignalListener(signal, callback),
  };
}
