import { join } from "@std/path";
import { lutimesSync } from "node:fs";
import { type ByteCalls, byteCalls } from "./byte_calls.ts";
import { bytesOfName, nameOfBytes } from "./names.ts";

/** Kind of what is at a path. */
export type FileKind = "file" | "folder" | "link" | "other";

/** Facts about what is at a path. */
export interface FileFacts {
  readonly kind: FileKind;
  readonly size: number;
  /** Permissions with setuid, setgid and sticky bit; undefined where the system has none. */
  readonly mode: number | undefined;
  readonly uid: number | undefined;
  readonly gid: number | undefined;
  /** Time of the last change, in milliseconds since 1970. */
  readonly mtimeMs: number;
}

const S_IFMT = 0o170_000;
const KINDS: ReadonlyMap<number, FileKind> = new Map([
  [0o100_000, "file"],
  [0o040_000, "folder"],
  [0o120_000, "link"],
]);

/** Calls for a path that Deno cannot take: one that is not UTF-8. */
function bytesFor(path: string): ByteCalls | undefined {
  if (path.isWellFormed()) return undefined;
  const calls = byteCalls();
  if (calls !== undefined) return calls;
  throw new Deno.errors.NotSupported(
    "On this system names of files must be Unicode text",
  );
}

/** Facts about a path, without following a link; undefined if there is nothing. */
export function factsAt(path: string): FileFacts | undefined {
  try {
    const calls = bytesFor(path);
    if (calls !== undefined) {
      const { mode, ...rest } = calls.stat(bytesOfName(path));
      const kind = KINDS.get(mode & S_IFMT) ?? "other";
      return { ...rest, kind, mode: mode & 0o7777 };
    }
    const info = Deno.lstatSync(path);
    const isWindows = Deno.build.os === "windows";
    return {
      kind: info.isSymlink
        ? "link"
        : info.isFile
        ? "file"
        : info.isDirectory
        ? "folder"
        : "other",
      size: info.size,
      mode: info.mode === null || isWindows ? undefined : info.mode & 0o7777,
      uid: info.uid ?? undefined,
      gid: info.gid ?? undefined,
      mtimeMs: info.mtime?.getTime() ?? 0,
    };
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** Names in a folder, in the order of their bytes. */
export function namesIn(path: string): string[] {
  const calls = byteCalls();
  // Deno leaves out names that are not UTF-8.
  const names = calls === undefined
    ? [...Deno.readDirSync(path)].map(({ name }) => name)
    : calls.list(bytesOfName(path)).map(nameOfBytes);
  return names.sort((one, other) => one < other ? -1 : 1);
}

/** Target of a link. */
export function linkAt(path: string): string {
  const calls = byteCalls();
  return calls === undefined
    ? Deno.readLinkSync(path)
    : nameOfBytes(calls.readLink(bytesOfName(path)));
}

/** Opens a file to read it. A link is not followed where the system can tell. */
export function openToRead(path: string): Deno.FsFile {
  return throughNumber(path, (path) => {
    // To open a named pipe would wait for its other end.
    if (Deno.statSync(path).isFile) return Deno.openSync(path);
    throw new Deno.errors.NotSupported("It is no file");
  });
}

/** Opens a file to read and write it. A link is not followed where the system can tell. */
export function openToChange(path: string): Deno.FsFile {
  return throughNumber(
    path,
    (path) => Deno.openSync(path, { read: true, write: true }),
  );
}

/** Makes a file that must not exist, with mode 0600, and opens it to write. */
export function create(path: string): Deno.FsFile {
  const options = { read: true, write: true, createNew: true, mode: 0o600 };
  if (path.isWellFormed()) return Deno.openSync(path, options);
  throw new TypeError("Temporary files have plain names");
}

export function makeFolder(path: string): void {
  const calls = bytesFor(path);
  if (calls === undefined) Deno.mkdirSync(path, { mode: 0o700 });
  else calls.makeFolder(bytesOfName(path));
}

export function makeLink(target: string, path: string): void {
  if (target.isWellFormed() && path.isWellFormed()) {
    return Deno.symlinkSync(target, path, { type: "file" });
  }
  byteCalls()?.link(bytesOfName(target), bytesOfName(path));
}

/** Gives a file another name beside its own. */
export function makeHardLink(from: string, to: string): void {
  if (from.isWellFormed() && to.isWellFormed()) {
    return Deno.linkSync(from, to);
  }
  byteCalls()?.hardLink(bytesOfName(from), bytesOfName(to));
}

export function rename(from: string, to: string): void {
  if (from.isWellFormed() && to.isWellFormed()) {
    return Deno.renameSync(from, to);
  }
  byteCalls()?.rename(bytesOfName(from), bytesOfName(to));
}

/** Removes a file, a link or an empty folder. */
export function remove(path: string): void {
  const calls = bytesFor(path);
  if (calls === undefined) return Deno.removeSync(path);
  calls.remove(bytesOfName(path), factsAt(path)?.kind === "folder");
}

/** Sets the mode of a file or folder, which must be no link. */
export function setMode(path: string, mode: number): void {
  if (Deno.build.os === "windows") return;
  // By its number, so that a link that somebody put there meanwhile is an error.
  throughNumber(path, (path) => Deno.chmodSync(path, mode));
}

/** Sets the owner of a file, folder or link; -1 for what stays. */
export function setOwner(path: string, uid: number, gid: number): void {
  if (Deno.build.os === "windows") return;
  const calls = byteCalls();
  if (calls === undefined) {
    Deno.chownSync(path, uid < 0 ? null : uid, gid < 0 ? null : gid);
  } else calls.setOwner(bytesOfName(path), uid, gid);
}

/** Sets the time of the last change of a file, folder or link. */
export function setTime(path: string, mtimeMs: number): void {
  const calls = bytesFor(path);
  if (calls !== undefined) return calls.setTime(bytesOfName(path), mtimeMs);
  const time = new Date(mtimeMs);
  lutimesSync(path, time, time);
}

/** Uses a path that Deno may not be able to take, by the number of what is there. */
function throughNumber<T>(path: string, use: (path: string) => T): T {
  const calls = byteCalls();
  if (calls === undefined) return use(path);
  const fd = calls.openFile(bytesOfName(path));
  try {
    return use(`/proc/self/fd/${fd}`);
  } finally {
    calls.close(fd);
  }
}

/**
 * Folder that stays the same one while it is open, whatever others do with its name (on Linux; elsewhere each use looks
 * that it is no link).
 */
export class HostFolder implements Disposable {
  /** Path for people. */
  readonly shown: string;
  readonly #path: string;
  readonly #fd: number | undefined;

  private constructor(shown: string, path: string, fd: number | undefined) {
    this.shown = shown;
    this.#path = path;
    this.#fd = fd;
  }

  /** Opens a folder by its path. Links in the path are followed: it is the caller's own. */
  static open(path: string): HostFolder {
    const fd = byteCalls()?.openFolder(bytesOfName(path), true);
    if (fd === undefined && !Deno.statSync(path).isDirectory) {
      throw new Deno.errors.NotADirectory("Not a folder");
    }
    return HostFolder.#of(path, path, fd);
  }

  static #of(shown: string, path: string, fd: number | undefined): HostFolder {
    const own = fd === undefined ? path : `/proc/self/fd/${fd}`;
    return new HostFolder(shown, own, fd);
  }

  /** Opens a folder in this one. A link is none. */
  enter(name: string): HostFolder {
    const path = this.at(name);
    const fd = byteCalls()?.openFolder(bytesOfName(path), false);
    if (fd === undefined && factsAt(path)?.kind !== "folder") {
      throw new Deno.errors.NotADirectory("Not a folder");
    }
    return HostFolder.#of(join(this.shown, name), path, fd);
  }

  /** Path of a name in it, for calls of this module. */
  at(name: string): string {
    return `${this.#path}/${name}`;
  }

  /** Path of a name in it, for people. */
  shownAt(name: string): string {
    return join(this.shown, name);
  }

  /** Path of the folder itself, for calls of this module. */
  get self(): string {
    return `${this.#path}/.`;
  }

  /** Writes all that its file system has in memory to the disk, where there is one call for that. */
  sync(): void {
    byteCalls()?.sync(bytesOfName(this.#path));
  }

  [Symbol.dispose](): void {
    if (this.#fd !== undefined) byteCalls()?.close(this.#fd);
  }
}
