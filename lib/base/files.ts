import { encodeHex } from "@std/encoding/hex";
import { dirname } from "@std/path";
import { codeOf, PiriError } from "./errors.ts";
import { ownRights } from "./own_rights.ts";
import { requireFileMode, requireFileOwner } from "./posix_rights.ts";
import { type Random, systemRandom } from "./random.ts";

/** Mode of a file that only its owner may read. On Windows it inherits the rights of its folder. */
export const PRIVATE_FILE = 0o600;

/** Mode of a folder that only its owner may enter. */
export const PRIVATE_FOLDER = 0o700;

/**
 * Replaces the file's content atomically and durably: a reader sees the whole old or the whole new content.
 *
 * @throws {PiriError} DISK; the old content is then still there.
 */
export async function writeFileAtomically(
  path: string,
  content: string | Uint8Array,
  { mode = PRIVATE_FILE, random = systemRandom }: {
    mode?: number;
    random?: Random;
  } = {},
): Promise<void> {
  const bytes = typeof content === "string"
    ? new TextEncoder().encode(content)
    : content;
  const temporary = `${path}.${encodeHex(random.bytes(6))}.tmp`;
  try {
    await writeAndSync(temporary, bytes, mode);
    await Deno.rename(temporary, path);
    await syncFolder(dirname(path));
  } catch (error) {
    await Deno.remove(temporary).catch(() => {});
    throw diskError(`write "${path}"`, error);
  }
}

async function writeAndSync(
  path: string,
  bytes: Uint8Array,
  mode: number,
): Promise<void> {
  using file = await Deno.open(path, { write: true, createNew: true, mode });
  // The umask may have removed bits of the mode.
  if (Deno.build.os !== "windows") await Deno.chmod(path, mode);
  for (let written = 0; written < bytes.length;) {
    written += await file.write(bytes.subarray(written));
  }
  await file.sync();
}

/** Makes the names in a folder survive a power cut. Does nothing on Windows, which neither needs nor allows it. */
export async function syncFolder(path: string): Promise<void> {
  if (Deno.build.os === "windows") return;
  using folder = await Deno.open(path);
  await folder.sync();
}

/**
 * Reads the text of a file that nobody else may read.
 *
 * @throws {PiriError} NOT_FOUND, DENIED (also when others may read it), DISK
 */
export async function readPrivateFile(path: string): Promise<string> {
  await requirePrivate(path);
  return await readFile(path);
}

/**
 * Reads the text of a file that must not be readable by others; undefined if there is none.
 *
 * @throws {PiriError} DENIED, DISK
 */
export async function readPrivateIfThere(
  path: string,
): Promise<string | undefined> {
  return await ifThere(readPrivateFile(path));
}

/**
 * Reads the text of a file; undefined if there is none.
 *
 * @throws {PiriError} DENIED, DISK
 */
export async function readIfThere(path: string): Promise<string | undefined> {
  return await ifThere(readFile(path));
}

async function ifThere(text: Promise<string>): Promise<string | undefined> {
  try {
    return await text;
  } catch (error) {
    if (codeOf(error) === "NOT_FOUND") return undefined;
    throw error;
  }
}

/**
 * Reads the text of a file.
 *
 * @throws {PiriError} NOT_FOUND, DENIED, DISK
 */
export async function readFile(path: string): Promise<string> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    throw diskError(`read "${path}"`, error);
  }
}

/**
 * Refuses a file that its group or others may read or write, or that belongs to another user than this one and root; on
 * Windows, a file that others have any rights to.
 *
 * @throws {PiriError} DENIED, NOT_FOUND, DISK
 */
export async function requirePrivate(path: string): Promise<void> {
  const info = await Deno.stat(path).catch((error) => {
    throw diskError(`read "${path}"`, error);
  });
  if (Deno.build.os === "windows") return ownRights().requireFile(path);
  const own = Deno.uid() ?? 0;
  if (info.uid !== own) {
    const folder = await Deno.stat(dirname(path));
    requireFileOwner(path, info, own, folder.uid);
  }
  requireFileMode(path, info);
}

/**
 * Gives a file another name, in place of any file that has it, also after a power cut.
 *
 * @throws {PiriError} DISK, DENIED
 */
export async function renameFile(from: string, to: string): Promise<void> {
  try {
    await Deno.rename(from, to);
    await syncFolder(dirname(to));
  } catch (error) {
    throw diskError(`rename "${from}"`, error);
  }
}

/**
 * True if a path exists, also as a link to nothing.
 *
 * @throws {PiriError} DENIED, DISK if that cannot be told
 */
export async function exists(path: string): Promise<boolean> {
  try {
    await Deno.lstat(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw diskError(`look for "${path}"`, error);
  }
}

/** Turns an error of the disk into a PiriError. */
export function diskError(attempt: string, error: unknown): PiriError {
  if (error instanceof PiriError) return error;
  if (error instanceof Deno.errors.NotFound) {
    return new PiriError("NOT_FOUND", `Cannot ${attempt}: no such file`, {
      cause: error,
    });
  }
  if (
    error instanceof Deno.errors.PermissionDenied ||
    error instanceof Deno.errors.NotCapable
  ) {
    return new PiriError("DENIED", `Cannot ${attempt}: permission denied`, {
      cause: error,
    });
  }
  const reason = error instanceof Error ? error.message : String(error);
  return new PiriError("DISK", `Cannot ${attempt}: ${reason}`, {
    cause: error,
  });
}

/**
 * Removes a file, unless it is not there.
 *
 * @throws {PiriError} DENIED, DISK
 */
export async function removeIfThere(path: string): Promise<void> {
  try {
    await Deno.remove(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return;
    throw diskError(`remove "${path}"`, error);
  }
}
