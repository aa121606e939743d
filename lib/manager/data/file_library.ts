import { createHash } from "node:crypto";
import { join } from "@std/path";
import { PiriError } from "../../base/errors.ts";
import { diskError } from "../../base/files.ts";
import type { DataOwner } from "./layers.ts";
import {
  folderSafe,
  locate,
  type Obstacle,
  requireSafeName,
} from "./locate.ts";
import { SharedFiles } from "./shared_files.ts";

/** Size and time of a file. */
export interface FileFacts {
  /** Size in bytes. */
  readonly size: number;
  /** Time of the last change, in milliseconds since 1970; 0 where the system has none. */
  readonly mtimeMs: number;
  /** Permissions, without setuid, setgid and the sticky bit; absent where the system has none. */
  readonly mode?: number;
}

/** Hash of a file, with the size and time that it had then. */
export interface HashedFile extends FileFacts {
  readonly sha256: Uint8Array<ArrayBuffer>;
  /** Identifies the file and its state when it was hashed. */
  readonly stamp: string;
}

/** Number of files whose hashes are remembered. */
const REMEMBERED_HASHES = 1_000;

const HASH_CHUNK_BYTES = 262_144;

/** Words about an obstacle, after the place, and what to do. */
const OBSTACLES: Readonly<
  Record<Obstacle, (place: { name: string; folder: string }) => string>
> = {
  outside: ({ folder }) =>
    `links outside ${folder}; put the file itself there, or a link to a place in that folder`,
  nowhere: () => "is a link to nothing; put the file itself there",
  folder: ({ name }) => `is a folder; name one file in it, as ${name}/NAME`,
  pipe: () => "is a named pipe; put a plain file there",
  socket: () => "is a socket; put a plain file there",
  device: () => "is a device; put a plain file there",
};

/** Files that agents may fetch: in groups/GROUP/ of their groups, the last group first, then in all/. */
export class FileLibrary {
  readonly #dir: string;
  readonly #shared = new SharedFiles();
  /** Hashes by path and stamp: a file that a thousand agents fetch is hashed once. */
  readonly #hashes = new Map<string, Promise<HashedFile>>();

  constructor(dir: string) {
    this.#dir = dir;
  }

  /**
   * Looks up size and time of a file.
   *
   * @throws {PiriError} NOT_FOUND, INVALID_ARGUMENT for a name that no file can have, DISK
   */
  async facts(owner: DataOwner, name: string): Promise<FileFacts> {
    return factsOf(await statOf(await this.#find(owner, name), name));
  }

  /** Returns the SHA-256 of a file, and its size and time when it was hashed. Throws as `facts`. */
  async hash(owner: DataOwner, name: string): Promise<HashedFile> {
    const path = await this.#find(owner, name);
    const key = stampOf(path, await statOf(path, name));
    const hash = this.#hashes.get(key) ?? hashFile(path, name);
    this.#remember(key, hash);
    try {
      const hashed = await hash;
      // The file was changed meanwhile: the next request should hash it again.
      if (hashed.stamp !== key) this.#hashes.delete(key);
      return hashed;
    } catch (error) {
      this.#hashes.delete(key);
      throw error;
    }
  }

  #remember(key: string, hash: Promise<HashedFile>): void {
    // Moved to the end, so that the first key is the least recently used.
    this.#hashes.delete(key);
    this.#hashes.set(key, hash);
    const [oldest] = this.#hashes.keys();
    if (this.#hashes.size > REMEMBERED_HASHES && oldest !== undefined) {
      this.#hashes.delete(oldest);
    }
  }

  /** Reads up to `length` bytes from `offset`; fewer where the file ends, none beyond it. Throws as `facts`. */
  async read(
    owner: DataOwner,
    name: string,
    { offset, length }: { offset: number; length: number },
  ): Promise<Uint8Array<ArrayBuffer>> {
    const { id, groups } = owner;
    const key = JSON.stringify([id, groups, name]);
    try {
      const find = () => this.#find(owner, name);
      return await this.#shared.read(key, find, { offset, length });
    } catch (error) {
      throw diskError(`read the file "${name}" on the Manager`, error);
    }
  }

  async #find({ id, groups }: DataOwner, name: string): Promise<string> {
    requireSafeName(name);
    const folders = groups.map((group) => `groups/${folderSafe(group)}`)
      .reverse();
    const reasons: string[] = [];
    try {
      for (const folder of [...folders, "all"]) {
        const located = await locate(join(this.#dir, folder), name);
        if ("path" in located) return located.path;
        if (located.obstacle === undefined) continue;
        const place = { name, folder: `files/${folder}` };
        const words = OBSTACLES[located.obstacle](place);
        reasons.push(`${place.folder}/${name} ${words}`);
      }
    } catch (error) {
      throw diskError(`look up the file "${name}" on the Manager`, error);
    }
    const [reason = missing(id, name)] = reasons;
    throw new PiriError(
      "NOT_FOUND",
      `Cannot find the file "${name}": ${reason}`,
    );
  }
}

function missing(id: string, name: string): string {
  const [, rest] = /^files\/(?:all|groups\/[^/]+)\/(.+)$/.exec(name) ?? [];
  const next = rest === undefined
    ? `put it into the Manager's state folder as files/all/${name}, or as files/groups/GROUP/${name} for one group`
    : `name a file by its path below files/all, as ${rest}`;
  return `the Manager has none of that name for agent "${id}"; ${next}`;
}

async function hashFile(path: string, name: string): Promise<HashedFile> {
  try {
    using file = await Deno.open(path);
    const hash = createHash("sha256");
    const buffer = new Uint8Array(HASH_CHUNK_BYTES);
    for (;;) {
      const count = await file.read(buffer);
      if (count === null) break;
      hash.update(buffer.subarray(0, count));
    }
    const info = await file.stat();
    return {
      ...factsOf(info),
      sha256: new Uint8Array(hash.digest()),
      stamp: stampOf(path, info),
    };
  } catch (error) {
    throw diskError(`read the file "${name}" on the Manager`, error);
  }
}

async function statOf(path: string, name: string): Promise<Deno.FileInfo> {
  try {
    return await Deno.stat(path);
  } catch (error) {
    throw diskError(`read the file "${name}" on the Manager`, error);
  }
}

function factsOf({ size, mtime, mode }: Deno.FileInfo): FileFacts {
  return {
    size,
    mtimeMs: mtime?.getTime() ?? 0,
    // The numbers that Windows has here are no permissions.
    ...(mode === null || Deno.build.os === "windows"
      ? {}
      : { mode: mode & 0o777 }),
  };
}

/** Identifies a file and its state. Size and time alone miss a file replaced by an archive tool that keeps times. */
function stampOf(path: string, info: Deno.FileInfo): string {
  const { size, mode, mtime, ctime, ino } = info;
  const times = `${mtime?.getTime()} ${ctime?.getTime()}`;
  return `${path} ${size} ${mode} ${times} ${ino}`;
}
