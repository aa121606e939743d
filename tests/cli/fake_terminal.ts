import { concat } from "@std/bytes/concat";
import { PiriError } from "../../lib/base/errors.ts";
import type { Random } from "../../lib/base/random.ts";
import {
  NobodyReads,
  OutputLost,
  type Sink,
  type StopSignal,
  type Terminal,
} from "../../lib/cli/terminal.ts";
import { type InputFile, inputOf } from "../../lib/cli/input_file.ts";
import type { OutFiles } from "../../lib/cli/out_files.ts";
import type { Scratch } from "../../lib/cli/scratch_file.ts";
import { FakeClock } from "../support/fake_clock.ts";

/** Terminal, variables and files of a test's user. */
export interface Surroundings {
  /** Streams that a person reads. */
  readonly terminals?: readonly ("stdout" | "stderr")[];
  readonly columns?: number;
  readonly env?: Readonly<Record<string, string>>;
  readonly stdin?: string | Uint8Array;
  /** True if nothing comes on standard input, and it does not end. */
  readonly stdinHangs?: boolean;
  readonly files?: Readonly<Record<string, string | Uint8Array>>;
  /** True if standard input is a terminal, so that SIGHUP means that it has gone. */
  readonly hangUpEnds?: boolean;
  /** True if a person can press keys. */
  readonly keyboard?: boolean;
}

/** Keeps the written bytes, also in the order of both streams together. */
class Recorder implements Sink {
  readonly chunks: Uint8Array[] = [];
  /** Set when the reader goes, as `head` does. */
  closed = false;
  /** Set when the device is full. */
  full = false;

  constructor(readonly isTerminal: boolean, readonly screen: Uint8Array[]) {}

  write(data: Uint8Array | string): Promise<void> {
    if (this.closed) return Promise.reject(new NobodyReads());
    if (this.full) {
      return Promise.reject(new OutputLost("no space is left on its device"));
    }
    const bytes = bytesOf(data);
    this.chunks.push(bytes);
    this.screen.push(bytes);
    return Promise.resolve();
  }

  get bytes(): Uint8Array {
    return concat(this.chunks);
  }

  get text(): string {
    return new TextDecoder().decode(this.bytes);
  }
}

/** A terminal in memory, on a clock that the test moves. */
export class FakeTerminal implements Terminal {
  readonly clock = new FakeClock();
  readonly stdout: Recorder;
  readonly stderr: Recorder;
  columns: number;
  /** Texts that were put aside and not disposed of yet. */
  readonly scratches = new Set<Uint8Array[]>();
  /** Error of the disk, if it is broken. */
  diskError: PiriError | undefined;
  readonly #screen: Uint8Array[] = [];
  readonly #surroundings: Surroundings;
  readonly hangUpEnds: boolean;
  readonly hasKeyboard: boolean;
  /** Files that were written, by path. */
  readonly outFiles = new Map<string, Uint8Array>();
  readonly #keys = new Set<(key: string) => void>();
  readonly #listeners = new Map<StopSignal | "SIGUSR1", Set<() => void>>();
  #random = 0;

  constructor(surroundings: Surroundings = {}) {
    const { terminals = [], columns = 80 } = surroundings;
    this.#surroundings = surroundings;
    this.stdout = new Recorder(terminals.includes("stdout"), this.#screen);
    this.stderr = new Recorder(terminals.includes("stderr"), this.#screen);
    this.columns = columns;
    this.hangUpEnds = surroundings.hangUpEnds ?? false;
    this.hasKeyboard = surroundings.keyboard ?? false;
  }

  isOutputClosed(): boolean {
    return this.stdout.closed;
  }

  readonly random: Random = {
    bytes: (length) => new Uint8Array(length).fill(++this.#random),
    fraction: () => 0.5,
  };

  readonly files: OutFiles = {
    makeFolder: () => Promise.resolve([]),
    makeFile: (path) => {
      if (this.diskError !== undefined) return Promise.reject(this.diskError);
      if (this.outFiles.has(path)) return Promise.resolve([]);
      this.outFiles.set(path, new Uint8Array());
      return Promise.resolve([path]);
    },
    removeEmpty: (path) => {
      if (this.outFiles.get(path)?.length === 0) this.outFiles.delete(path);
      return Promise.resolve();
    },
    write: (path, data, { append = false } = {}) => {
      if (this.diskError !== undefined) return Promise.reject(this.diskError);
      const before = append ? this.outFiles.get(path) : undefined;
      this.outFiles.set(
        path,
        concat([before ?? new Uint8Array(), bytesOf(data)]),
      );
      return Promise.resolve();
    },
  };

  /** Text of a file that was written. */
  outFile(path: string): string {
    return new TextDecoder().decode(this.outFiles.get(path));
  }

  /** Both streams, as a person sees them. */
  get screen(): string {
    return new TextDecoder().decode(concat(this.#screen));
  }

  /** All that was written so far, in order. */
  get written(): readonly Uint8Array[] {
    return this.#screen;
  }

  /** True while anything listens to signals or keys. */
  get isListening(): boolean {
    return this.#keys.size > 0 ||
      [...this.#listeners.values()].some(({ size }) => size > 0);
  }

  env(name: string): string | undefined {
    return this.#surroundings.env?.[name];
  }

  readStdin(): Promise<Uint8Array> {
    if (this.#surroundings.stdinHangs ?? false) return new Promise(() => {});
    return Promise.resolve(bytesOf(this.#surroundings.stdin ?? ""));
  }

  readFile(path: string): Promise<Uint8Array> {
    const content = this.#surroundings.files?.[path];
    return content === undefined
      ? Promise.reject(
        new PiriError(
          "NOT_FOUND",
          `Cannot read "${path}": there is no such file`,
        ),
      )
      : Promise.resolve(bytesOf(content));
  }

  async openInput(path: string): Promise<InputFile> {
    let left = path === "-"
      ? await this.readStdin()
      : await this.readFile(path);
    const read = (buffer: Uint8Array) => {
      const part = left.subarray(0, buffer.length);
      buffer.set(part);
      left = left.subarray(part.length);
      return Promise.resolve(part.length === 0 ? null : part.length);
    };
    return inputOf({ read }, {
      path,
      size: path === "-" ? undefined : left.length,
    });
  }

  scratch(): Scratch {
    const written: Uint8Array[] = [];
    this.scratches.add(written);
    return {
      write: (bytes) => {
        if (this.diskError !== undefined) return Promise.reject(this.diskError);
        written.push(bytes.slice());
        return Promise.resolve();
      },
      async *read() {
        yield* written;
      },
      [Symbol.dispose]: () => void this.scratches.delete(written),
    };
  }

  onKey(callback: (key: string) => void): Disposable {
    this.#keys.add(callback);
    return { [Symbol.dispose]: () => void this.#keys.delete(callback) };
  }

  /** Presses a key, and waits for its effects. */
  async press(key: string): Promise<void> {
    for (const callback of this.#keys) callback(key);
    await this.clock.settle();
  }

  onSignal(signal: StopSignal | "SIGUSR1", callback: () => void): Disposable {
    const listeners = this.#listeners.get(signal) ?? new Set();
    this.#listeners.set(signal, listeners.add(callback));
    return { [Symbol.dispose]: () => void listeners.delete(callback) };
  }

  /** Sends a signal, and waits for its effects. */
  async signal(signal: StopSignal | "SIGUSR1"): Promise<void> {
    for (const callback of this.#listeners.get(signal) ?? []) callback();
    await this.clock.settle();
  }

  /** Presses Ctrl-C, and waits for its effects. */
  async interrupt(): Promise<void> {
    await this.signal("SIGINT");
  }
}

function bytesOf(data: Uint8Array | string): Uint8Array {
  return typeof data === "string"
    ? new TextEncoder().encode(data)
    : data.slice();
}
