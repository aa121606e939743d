import { join } from "@std/path";
import { lutimesSync } from "node:fs";
import { type ByteCalls, byteCalls } from "./byte_calls.ts";
import { type HostFile, openByBytes } from "./byte_file.ts";
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
      const { mode, size, uid, gid, mtimeMs } = calls.stat(bytesOfName(path));
      const kind = KINDS.get(mode & S_IFMT) ?? "other";
      return { kind, mode: mode & 0o7777, size, uid, gid, mtimeMs };
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

/** Place of something in the system. */
export interface Place {
  readonly kind: FileKind;
  /** Number of its mount: within one, a folder has one path without links. */
  readonly mount: bigint;
  /** Count of its names. */
  readonly names: number;
}

/**
 * Place of what is at a path, without following a link, by one call of the system. Undefined if there is nothing, if it
 * may not be seen, before Linux 5.8, and on other systems.
 */
export function placeAt(path: string): Place | undefined {
  try {
    // The system would take the part before a NUL for the path.
    const stat = path.includes("\0")
      ? undefined
      : byteCalls()?.stat(bytesOfName(path));
    if (stat?.mount === undefined) return undefined;
    const { mode, mount, names } = stat;
    return { kind: KINDS.get(mode & S_IFMT) ?? "other", mount, names };
  } catch {
    return undefined;
  }
}

/** Names in a folder, sorted. */
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
export function openToRead(path: string): HostFile {
  if (!path.isWellFormed() && !pins()) {
    return openByBytes(bytesOfName(path), "read");
  }
  return openPlain(path);
}

/** The same for a path in Unicode. */
export function openPlain(path: string): Deno.FsFile {
  return throughNumber(path, (path) => Deno.openSync(path));
}

/** Opens a file to read and write it. A link is not followed where the system can tell. */
export function openToChange(path: string): HostFile {
  if (!path.isWellFormed() && !pins()) {
    return openByBytes(bytesOfName(path), "change");
  }
  return throughNumber(
    path,
    (path) => Deno.openSync(path, { read: true, write: true }),
  );
}

/** Makes a file that must not exist, with mode 0600, and opens it to write. */
export function create(path: string): HostFile {
  if (!path.isWellFormed()) return openByBytes(bytesOfName(path), "create");
  const options = { read: true, write: true, createNew: true, mode: 0o600 };
  return Deno.openSync(path, options);
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
  if (!path.isWellFormed() && !pins()) {
    return byteCalls()?.setMode(bytesOfName(path), mode);
  }
  // By its number, so that a link that somebody put there meanwhile is an error.
  throughNumber(path, (path) => Deno.chmodSync(path, mode), "file or folder");
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

/** True for a folder, or a link to one. A link whose path is not UTF-8 is none. */
function isFolder(path: string): boolean {
  return path.isWellFormed()
    ? Deno.statSync(path).isDirectory
    : factsAt(path)?.kind === "folder";
}

let isPinning: boolean | undefined;

/**
 * True if files can be used by their numbers, which nobody can give to others: on Linux, in a program that has all
 * permissions. Deno lets no other program open what is in /proc.
 */
export function pins(): boolean {
  isPinning ??= byteCalls() !== undefined && mayOpenProc();
  return isPinning;
}

function mayOpenProc(): boolean {
  try {
    Deno.openSync("/proc/self/stat").close();
    return true;
  } catch {
    return false;
  }
}

/** Uses a path by the number of what is there; where that is not possible, after a look at it. */
function throughNumber<T>(
  path: string,
  use: (path: string) => T,
  wanted: "file" | "file or folder" = "file",
): T {
  const calls = pins() ? byteCalls() : undefined;
  if (calls === undefined) {
    requireKind(factsAt(path)?.kind, wanted);
    return use(path);
  }
  const fd = calls.openFile(bytesOfName(path));
  try {
    const own = `/proc/self/fd/${fd}`;
    const { isFile, isDirectory } = Deno.statSync(own);
    requireKind(isFile ? "file" : isDirectory ? "folder" : "other", wanted);
    return use(own);
  } finally {
    calls.close(fd);
  }
}

function requireKind(
  kind: FileKind | undefined,
  wanted: "file" | "file or folder",
): void {
  if (kind === "file" || kind === undefined) return;
  if (kind === "folder" && wanted !== "file") return;
  // To open a named pipe would wait for its other end.
  throw new Deno.errors.NotSupported(`It is no ${wanted}`);
}

/**
 * Folder that stays the same one while it is open, whatever others do with its name. That is so for the agent on Linux;
 * elsewhere `enter` looks that it is no link.
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
    const fd = pins()
      ? byteCalls()?.openFolder(bytesOfName(path), true)
      : undefined;
    if (fd === undefined && !isFolder(path)) {
      throw new Deno.errors.NotADirectory("Not a folder");
    }
    return HostFolder.#of(path, path, fd);
  }

  /** Opens a folder by a path without links; undefined if there is one in it, or if the system cannot tell at once. */
  static openWithoutLinks(path: string): HostFolder | undefined {
    const fd = pins()
      ? byteCalls()?.openFolderWithoutLinks(bytesOfName(path))
      : undefined;
    return fd === undefined ? undefined : HostFolder.#of(path, path, fd);
  }

  static #of(shown: string, path: string, fd: number | undefined): HostFolder {
    const own = fd === undefined ? path : `/proc/self/fd/${fd}`;
    return new HostFolder(shown, own, fd);
  }

  /** Opens a folder in this one. A link is none. */
  enter(name: string): HostFolder {
    const path = this.at(name);
    const fd = pins()
      ? byteCalls()?.openFolder(bytesOfName(path), false)
      : undefined;
    if (fd === undefined && factsAt(path)?.kind !== "folder") {
      throw new Deno.errors.NotADirectory("Not a folder");
    }
    return HostFolder.#of(join(this.shown, name), path, fd);
  }

  /** Path without links of the folder that is open, whatever its name leads to by now. */
  get real(): string {
    return Deno.realPathSync(this.self);
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
