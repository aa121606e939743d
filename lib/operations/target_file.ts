import { createHash } from "node:crypto";
import { dirname, join } from "@std/path";
import { messageOf, PiriError } from "../base/errors.ts";
import { setAttributes as setAttributesAt } from "../files/attributes.ts";

const READ_BYTES = 262_144;

/**
 * Attributes that can be set on a file; absent ones stay unchanged. Ignored on Windows, where only the content counts.
 */
export interface Attributes {
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
  /** Words for the owner that was asked for, as: user "root". */
  readonly owner?: string;
}

/** Part of a file that was changed. */
export type Change = "content" | "mode" | "owner";

/** File that exists already. */
export interface TargetFile {
  readonly size: number;
  readonly attributes: Attributes;
}

/**
 * File at a path; undefined if there is nothing, or a link, which a new file replaces.
 *
 * @param at Path for calls of the system; that for people if absent.
 * @throws {PiriError} FAILED_PRECONDITION if it is no file; DENIED, DISK.
 */
export async function targetAt(
  path: string,
  at = path,
): Promise<TargetFile | undefined> {
  try {
    const info = await Deno.lstat(at);
    if (info.isSymlink) return undefined;
    if (!info.isFile) throw unusable(path, obstacleOf(path, info));
    const { mode, uid, gid } = info;
    return {
      size: info.size,
      attributes: {
        ...(mode === null ? {} : { mode: mode & 0o7777 }),
        ...(uid === null ? {} : { uid }),
        ...(gid === null ? {} : { gid }),
      },
    };
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw writeError(path, error, `the agent's user may not look there`);
  }
}

function obstacleOf(path: string, info: Deno.FileInfo): string {
  if (info.isDirectory) {
    return `it is a folder; name the file itself, as ${join(path, "NAME")}`;
  }
  return `it is ${info.isFifo ? "a named pipe" : "not a file"}`;
}

/** SHA-256 of a file's content, in hex digits. */
export async function hashOf(
  path: string,
  signal: AbortSignal,
): Promise<string> {
  using file = await Deno.open(path).catch((error) => {
    throw writeError(
      path,
      error,
      "the agent's user may not read it, and so cannot compare it",
    );
  });
  const hash = createHash("sha256");
  const buffer = new Uint8Array(READ_BYTES);
  for (let read = await file.read(buffer); read !== null;) {
    hash.update(buffer.subarray(0, read));
    if (signal.aborted) {
      throw new PiriError(
        "CANCELLED",
        `Cannot read "${path}": the command was cancelled`,
      );
    }
    read = await file.read(buffer);
  }
  return hash.digest("hex");
}

/** Sets the attributes of the file at a path, `at` for calls of the system, that differ from `now`. Returns those that did. */
export async function setAttributes(
  { path, at = path }: { readonly path: string; readonly at?: string },
  wanted: Attributes,
  now: Attributes,
): Promise<Change[]> {
  const changes = changesOf(wanted, now);
  // Owner first, mode second: a change of owner clears the setuid bits.
  if (changes.includes("owner")) await setOwner(path, at, wanted);
  const mode = wanted.mode ?? now.mode;
  if (changes.length > 0 && mode !== undefined) {
    await setMode(path, at, mode);
  }
  return changes;
}

/** Attributes that differ from `now`. None do on Windows. */
export function changesOf(
  { mode, uid, gid }: Attributes,
  now: Attributes,
): Change[] {
  if (Deno.build.os === "windows") return [];
  const differs = (wanted: number | undefined, is: number | undefined) =>
    wanted !== undefined && wanted !== is;
  return [
    ...(differs(uid, now.uid) || differs(gid, now.gid)
      ? ["owner" as const]
      : []),
    ...(differs(mode, now.mode) ? ["mode" as const] : []),
  ];
}

/** Changes the owner of what is at a place, which is or will be the file at `path`, and is `open` if that is given. */
export async function setOwner(
  path: string,
  at: string,
  { uid, gid, owner }: Attributes,
  open?: Deno.FsFile,
): Promise<void> {
  if (Deno.build.os === "windows") return;
  if (uid === undefined && gid === undefined) return;
  try {
    setAttributesAt(at, { uid, gid }, await sameAs(open));
  } catch (error) {
    if (!(error instanceof Deno.errors.PermissionDenied)) {
      throw writeError(path, error);
    }
    const is = owner === undefined
      ? `it belongs to user ${uid} and group ${gid}`
      : `it should belong to ${owner}`;
    const why = Deno.uid() === 0
      ? "its file system does not allow that change of owner"
      : "the agent does not run as root, so it cannot change an owner";
    throw new PiriError("DENIED", `Cannot write "${path}": ${is}, and ${why}`, {
      cause: error,
    });
  }
}

/** Changes the mode of what is at a place, which is or will be the file at `path`, and is `open` if that is given. */
export async function setMode(
  path: string,
  at: string,
  mode: number,
  open?: Deno.FsFile,
): Promise<void> {
  if (Deno.build.os === "windows") return;
  try {
    setAttributesAt(at, { mode }, await sameAs(open));
  } catch (error) {
    const denied =
      "only root and its owner can change its mode, and the agent's user is neither";
    throw writeError(path, error, denied);
  }
}

/** Judge of what has the name of a file that is open: the owner of its folder may have put something else there. */
async function sameAs(
  open: Deno.FsFile | undefined,
): Promise<(found: Deno.FileInfo) => boolean> {
  if (open === undefined) return ({ isFile }) => isFile;
  const { dev, ino } = await open.stat();
  return (found) => found.dev === dev && found.ino === ino;
}

function unusable(path: string, what: string, cause?: unknown): PiriError {
  const message = `Cannot write "${path}": ${what}`;
  return new PiriError("FAILED_PRECONDITION", message, { cause });
}

/** Turns an error about the file at a path into a PiriError. `denied` says what was not permitted. */
export function writeError(
  path: string,
  error: unknown,
  denied = "permission was denied",
): PiriError {
  if (error instanceof PiriError) return error;
  const folder = dirname(path);
  if (error instanceof Deno.errors.NotFound) {
    const next = "make it first, or give parents=true to file.Fetch";
    return unusable(path, `there is no folder "${folder}"; ${next}`, error);
  }
  if (error instanceof Deno.errors.NotADirectory) {
    return unusable(path, `"${folder}" is not a folder, or is in none`, error);
  }
  const isDenied = error instanceof Deno.errors.PermissionDenied;
  return new PiriError(
    isDenied ? "DENIED" : "DISK",
    `Cannot write "${path}": ${isDenied ? denied : messageOf(error)}`,
    { cause: error },
  );
}
