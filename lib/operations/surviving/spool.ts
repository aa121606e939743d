import { join } from "@std/path";
import { Limits } from "../../base/limits.ts";
import type { StreamName } from "../operation.ts";
import { parseStat, type ProcessInfo, readProcess } from "../process_table.ts";
import { NAME_BASE } from "./keeper.ts";

/** Distance behind its reader at which a file of output is removed: what is read and not yet journaled is less. */
const BEHIND_BYTES = 1_048_576;

const NUMBER_OF: Readonly<Record<StreamName, string>> = {
  stdout: "1",
  stderr: "2",
};

/** Piece of a stream with its place in it. */
export interface SpooledPiece {
  readonly offset: number;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** State of a spool at one moment. */
export interface SpoolLook {
  /** True if the exit code is there. */
  readonly hasEnded: boolean;
  /** True while a process has one of the streams open. */
  readonly isOpen: boolean;
  /** Offsets at which the files of a stream begin, in their order. A file is whole once there is a later one. */
  segments(stream: StreamName): number[];
}

/** Folder in which a keeper has what becomes of its program. */
export class Spool {
  readonly folder: string;

  constructor(folder: string) {
    this.folder = folder;
  }

  /** Exit code of the program as a shell tells it; undefined while there is none. */
  get end(): number | undefined {
    const [, code] = /^exit (\d{1,3})\n/.exec(this.#read("end")) ?? [];
    return code === undefined ? undefined : Number(code);
  }

  /** Process of the program, as it was at its start; undefined if it has not begun. */
  get program(): ProcessInfo | undefined {
    return statOf(this.#read("program"));
  }

  /** Process of the keeper, as it was at its start; undefined if there is none. */
  get keeper(): ProcessInfo | undefined {
    return statOf(this.#read("keeper"));
  }

  /** True while the keeper runs. */
  get keeperLives(): boolean {
    const { keeper } = this;
    if (keeper === undefined) return false;
    const now = readProcess(keeper.pid);
    return now?.startTicks === keeper.startTicks && !now.zombie;
  }

  /** Boot in which the keeper was started; empty if that is not known. */
  get boot(): string {
    return this.#read("boot").trim();
  }

  /** Looks into the folder once: a look costs little, and there are many. */
  look(): SpoolLook {
    const names = new Set<string>();
    for (const { name } of Deno.readDirSync(this.folder)) names.add(name);
    return {
      hasEnded: names.has("end"),
      isOpen: names.has("1-open") || names.has("2-open"),
      segments: (stream) =>
        [...names].filter((name) => name.startsWith(`${NUMBER_OF[stream]}-1`))
          .map((name) => Number(name.slice(2)) - NAME_BASE)
          .sort((a, b) => a - b),
    };
  }

  /** True if the disk took all of the stream. */
  isWhole(stream: StreamName): boolean {
    return this.#has(`${NUMBER_OF[stream]}-whole`);
  }

  /** Path of the file of a stream that begins at an offset. */
  pathOf(stream: StreamName, start: number): string {
    return join(this.folder, `${NUMBER_OF[stream]}-${NAME_BASE + start}`);
  }

  #read(name: string): string {
    return textIn(join(this.folder, name));
  }

  #has(name: string): boolean {
    return isThere(join(this.folder, name));
  }
}

/** Reader of one stream of a spool. */
export class SpoolReader implements Disposable {
  readonly #spool: Spool;
  readonly #stream: StreamName;
  /** Files that were read and are not removed yet, with their ends. */
  readonly #done: { readonly start: number; readonly end: number }[] = [];
  #start: number | undefined;
  #file: Deno.FsFile | undefined;
  #offset = 0;

  constructor(spool: Spool, stream: StreamName) {
    this.#spool = spool;
    this.#stream = stream;
  }

  /**
   * The next piece as of a look; undefined if there is none yet. What was dropped between two pieces shows in their
   * offsets.
   */
  next(segments: readonly number[]): SpooledPiece | undefined {
    for (;;) {
      const file = this.#open(segments);
      if (file === undefined) return undefined;
      const buffer = new Uint8Array(Limits.piece);
      const count = file.readSync(buffer) ?? 0;
      if (count > 0) {
        const offset = this.#offset;
        this.#offset += count;
        this.#removeDone();
        return {
          offset,
          bytes: count < Limits.piece / 2
            ? buffer.slice(0, count)
            : buffer.subarray(0, count),
        };
      }
      const next = segments.find((start) => start > (this.#start ?? -1));
      if (next === undefined) return undefined;
      this.#leave();
    }
  }

  [Symbol.dispose](): void {
    this.#file?.close();
    this.#file = undefined;
  }

  #open(segments: readonly number[]): Deno.FsFile | undefined {
    if (this.#file !== undefined) return this.#file;
    const after = this.#start ?? -1;
    const start = segments.find((each) => each > after);
    if (start === undefined) return undefined;
    const path = this.#spool.pathOf(this.#stream, start);
    try {
      this.#file = Deno.openSync(path);
    } catch (error) {
      // The keeper has dropped it, and the next look finds the one after it.
      if (error instanceof Deno.errors.NotFound) return undefined;
      throw error;
    }
    this.#start = start;
    this.#offset = start;
    return this.#file;
  }

  #leave(): void {
    this.#file?.close();
    this.#file = undefined;
    this.#done.push({ start: this.#start ?? 0, end: this.#offset });
  }

  #removeDone(): void {
    while ((this.#done[0]?.end ?? Infinity) + BEHIND_BYTES <= this.#offset) {
      const { start } = this.#done.shift() ?? { start: 0 };
      try {
        Deno.removeSync(this.#spool.pathOf(this.#stream, start));
      } catch {
        // It stays until the whole folder goes.
      }
    }
  }
}

/** Text of a small file; empty if it cannot be read. */
export function textIn(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    return "";
  }
}

/** True if something is at a path. */
export function isThere(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch {
    return false;
  }
}

function statOf(text: string): ProcessInfo | undefined {
  return text.endsWith("\n") ? parseStat(text) : undefined;
}
