import { type Clock, systemClock } from "../base/clock.ts";
import { PiriError } from "../base/errors.ts";
import { type Random, systemRandom } from "../base/random.ts";
import { Turns } from "../base/turns.ts";
import { type Scratch, scratchFile } from "./scratch_file.ts";

/** Standard output or standard error. */
export interface Sink {
  /** True if it is a terminal. */
  readonly isTerminal: boolean;
  /**
   * Writes all of the data, after all earlier writes.
   *
   * @throws {NobodyReads} for standard output, once its reader has gone.
   */
  write(data: Uint8Array | string): Promise<void>;
}

/** Surroundings of a program: its streams, its user, and time. */
export interface Terminal {
  readonly stdout: Sink;
  readonly stderr: Sink;
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
   * Makes a place on disk for bytes that would take too much memory.
   *
   * @throws {PiriError} DISK
   */
  scratch(): Scratch;
  /** Calls back at each Ctrl-C, which then does not end the program. */
  onInterrupt(callback: () => void): Disposable;
  /** Calls back when the system asks the program to end. */
  onTerminate(callback: () => void): Disposable;
}

/** Thrown by a write to standard output whose reader has closed it, as `head` does. */
export class NobodyReads extends Error {
  override readonly name = "NobodyReads";
}

/** Surroundings of this process. */
export function systemTerminal(): Terminal {
  // One after the other, on both: where they are the same terminal, what is written first is to be seen first.
  const turns = new Turns();
  return {
    stdout: {
      isTerminal: Deno.stdout.isTerminal(),
      write: (data) => turns.run(() => writeAll(Deno.stdout, data)),
    },
    stderr: {
      isTerminal: Deno.stderr.isTerminal(),
      async write(data) {
        try {
          await turns.run(() => writeAll(Deno.stderr, data));
        } catch (error) {
          // Nobody is left who could be told.
          if (!(error instanceof NobodyReads)) throw error;
        }
      },
    },
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
    scratch: scratchFile,
    onInterrupt: (callback) => onSignals(["SIGINT"], callback),
    onTerminate: (callback) =>
      onSignals(
        Deno.build.os === "windows" ? ["SIGBREAK"] : ["SIGTERM"],
        callback,
      ),
  };
}

const encoder = new TextEncoder();

async function writeAll(
  stream: typeof Deno.stdout,
  data: Uint8Array | string,
): Promise<void> {
  const bytes = typeof data === "string" ? encoder.encode(data) : data;
  let start = 0;
  while (start < bytes.length) {
    try {
      start += await stream.write(bytes.subarray(start));
    } catch (error) {
      if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
      throw new NobodyReads("The reader of the output has gone", {
        cause: error,
      });
    }
  }
}

async function readFile(path: string): Promise<Uint8Array> {
  try {
    return await Deno.readFile(path);
  } catch (error) {
    const [code, fact] = error instanceof Deno.errors.NotFound
      ? ["NOT_FOUND", "there is no such file"] as const
      : error instanceof Deno.errors.PermissionDenied
      ? ["DENIED", "the system does not allow it"] as const
      : ["DISK", error instanceof Error ? error.message : "unknown"] as const;
    throw new PiriError(code, `Cannot read "${path}": ${fact}`, {
      cause: error,
    });
  }
}

function onSignals(
  signals: readonly Deno.Signal[],
  callback: () => void,
): Disposable {
  for (const signal of signals) Deno.addSignalListener(signal, callback);
  return {
    [Symbol.dispose]() {
      for (const signal of signals) Deno.removeSignalListener(signal, callback);
    },
  };
}
