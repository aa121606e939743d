import { dirname, join } from "@std/path";
import { messageOf, PiriError } from "../base/errors.ts";
import { PRIVATE_FILE, PRIVATE_FOLDER } from "../base/files.ts";

/**
 * Files that output is appended to, by their numbers: segments. All calls are synchronous, as those of the database, and
 * throw DISK where the system fails.
 */
export interface SegmentFiles extends Disposable {
  /** Numbers of the files that are there. */
  list(): number[];
  /** Size of a file in bytes. */
  size(segment: number): number;
  /**
   * Writes bytes at the end of the file, and creates it for the first of them. If this throws, a part of them may be
   * there.
   */
  write(segment: number, place: number, bytes: Uint8Array): void;
  /** Makes what was written, and the file's name, survive a power cut. */
  sync(segment: number): void;
  /** Reads up to `length` bytes; fewer where the file ends, and none where there is no file. */
  read(
    segment: number,
    place: number,
    length: number,
  ): Uint8Array<ArrayBuffer>;
  /** Removes the file, if there is one. */
  remove(segment: number): void;
}

/** Path of the folder of segments that belongs to a database. */
export function outputFolder(database: string): string {
  return `${database}-output`;
}

/** Most files that stay open. */
const MAX_OPEN = 8;

const NAME = /^[1-9][0-9]{0,14}$/;

/** Files of segments in a folder of their own, which is made with the first of them. Only their owner can read them. */
export class FolderSegments implements SegmentFiles {
  readonly #folder: string;
  /** Open files, that which was used last at the end. */
  readonly #open = new Map<number, Deno.FsFile>();
  /** Files whose names may not be on the disk yet. */
  readonly #unnamed = new Set<number>();

  constructor(folder: string) {
    this.#folder = folder;
  }

  list(): number[] {
    return this.#guarded("list", this.#folder, () => {
      const found: number[] = [];
      try {
        for (const { name, isFile } of Deno.readDirSync(this.#folder)) {
          if (isFile && NAME.test(name)) found.push(Number(name));
        }
      } catch (error) {
        if (!(error instanceof Deno.errors.NotFound)) throw error;
      }
      return found;
    });
  }

  size(segment: number): number {
    const path = this.#path(segment);
    return this.#guarded("look at", path, () => Deno.statSync(path).size);
  }

  write(segment: number, place: number, bytes: Uint8Array): void {
    this.#guarded("write", this.#path(segment), () => {
      const file = this.#file(segment) ?? this.#create(segment);
      file.seekSync(place, Deno.SeekMode.Start);
      for (let at = 0; at < bytes.length;) {
        at += file.writeSync(bytes.subarray(at));
      }
    });
  }

  sync(segment: number): void {
    this.#guarded("sync", this.#path(segment), () => {
      this.#file(segment)?.syncDataSync();
      if (!this.#unnamed.has(segment)) return;
      syncFolder(this.#folder);
      this.#unnamed.delete(segment);
    });
  }

  read(
    segment: number,
    place: number,
    length: number,
  ): Uint8Array<ArrayBuffer> {
    return this.#guarded("read", this.#path(segment), () => {
      const file = this.#file(segment);
      if (file === undefined) return new Uint8Array();
      const bytes = new Uint8Array(length);
      file.seekSync(place, Deno.SeekMode.Start);
      let got = 0;
      while (got < length) {
        const count = file.readSync(bytes.subarray(got));
        if (count === null) return bytes.slice(0, got);
        got += count;
      }
      return bytes;
    });
  }

  remove(segment: number): void {
    this.#guarded("remove", this.#path(segment), () => {
      this.#open.get(segment)?.close();
      this.#open.delete(segment);
      this.#unnamed.delete(segment);
      try {
        Deno.removeSync(this.#path(segment));
      } catch (error) {
        if (!(error instanceof Deno.errors.NotFound)) throw error;
      }
    });
  }

  [Symbol.dispose](): void {
    for (const file of this.#open.values()) file.close();
    this.#open.clear();
  }

  /** Opens a file that is there. */
  #file(segment: number): Deno.FsFile | undefined {
    const open = this.#open.get(segment);
    if (open !== undefined) {
      this.#open.delete(segment);
      this.#open.set(segment, open);
      return open;
    }
    try {
      const options = { read: true, write: true };
      return this.#keep(segment, Deno.openSync(this.#path(segment), options));
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return undefined;
      throw error;
    }
  }

  #create(segment: number): Deno.FsFile {
    this.#makeFolder();
    const file = Deno.openSync(this.#path(segment), {
      read: true,
      write: true,
      createNew: true,
      mode: PRIVATE_FILE,
    });
    this.#unnamed.add(segment);
    return this.#keep(segment, file);
  }

  #makeFolder(): void {
    try {
      Deno.mkdirSync(this.#folder, { mode: PRIVATE_FOLDER });
      syncFolder(dirname(this.#folder));
    } catch (error) {
      if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
    }
  }

  #keep(segment: number, file: Deno.FsFile): Deno.FsFile {
    this.#open.set(segment, file);
    for (const [other, old] of this.#open) {
      if (this.#open.size <= MAX_OPEN) break;
      old.close();
      this.#open.delete(other);
    }
    return file;
  }

  #path(segment: number): string {
    return join(this.#folder, String(segment));
  }

  #guarded<T>(act: string, path: string, work: () => T): T {
    try {
      return work();
    } catch (error) {
      throw new PiriError(
        "DISK",
        `Cannot ${act} "${path}": ${messageOf(error)}`,
        { cause: error },
      );
    }
  }
}

/** Makes the names in a folder survive a power cut. Does nothing on Windows, which neither needs nor allows it. */
function syncFolder(path: string): void {
  if (Deno.build.os === "windows") return;
  using folder = Deno.openSync(path);
  folder.syncSync();
}
