import { createHash } from "node:crypto";
import { dirname, join } from "@std/path";
import { encodeHex } from "@std/encoding/hex";
import { messageOf, PiriError } from "../base/errors.ts";
import { type Random, systemRandom } from "../base/random.ts";

const READ_BYTES = 262_144;
const NEW_MODE = 0o644;

/**
 * Attributes that can be set on a file; absent ones stay unchanged. Ignored on Windows, where only the content counts.
 */
export interface Attributes {
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
}

/** File that exists already. */
export interface TargetFile {
  readonly size: number;
  readonly attributes: Attributes;
}

/**
 * File at a path; undefined if there is nothing, or a link, which a new file replaces.
 *
 * @throws {PiriError} FAILED_PRECONDITION if it is no file; DENIED, DISK.
 */
export async function targetAt(path: string): Promise<TargetFile | undefined> {
  try {
    const info = await Deno.lstat(path);
    if (info.isSymlink) return undefined;
    if (!info.isFile) {
      throw new PiriError(
        "FAILED_PRECONDITION",
        `Cannot write "${path}": it is not a file`,
      );
    }
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
    throw asPiriError(path, error);
  }
}

/** SHA-256 of a file's content, in hex digits. */
export async function hashOf(
  path: string,
  signal: AbortSignal,
): Promise<string> {
  using file = await Deno.open(path).catch((error) => {
    throw asPiriError(path, error);
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

/** Sets the attributes that differ from `now`. Returns true if any did. */
export async function setAttributes(
  path: string,
  wanted: Attributes,
  now: Attributes,
): Promise<boolean> {
  if (Deno.build.os === "windows") return false;
  const { mode = now.mode, uid = now.uid, gid = now.gid } = wanted;
  const owner = uid !== now.uid || gid !== now.gid;
  try {
    // Owner first, mode second: a change of owner clears the setuid bits.
    if (owner) await Deno.chown(path, uid ?? null, gid ?? null);
    if (mode !== undefined && (owner || mode !== now.mode)) {
      await Deno.chmod(path, mode);
    }
  } catch (error) {
    throw asPiriError(path, error);
  }
  return owner || mode !== now.mode;
}

/**
 * New content for a path. It replaces the file at `path` once it is complete; disposed of before that, it is removed.
 */
export class NewFile implements AsyncDisposable {
  readonly #path: string;
  readonly #temporary: string;
  readonly #file: Deno.FsFile;
  #open = true;

  private constructor(path: string, temporary: string, file: Deno.FsFile) {
    this.#path = path;
    this.#temporary = temporary;
    this.#file = file;
  }

  /**
   * Creates the temporary file for a path, in the same folder.
   *
   * @throws {PiriError} FAILED_PRECONDITION without a folder; DENIED, DISK.
   */
  static async create(
    path: string,
    random: Random = systemRandom,
  ): Promise<NewFile> {
    const name = `.piri-${encodeHex(random.bytes(8))}`;
    const temporary = join(dirname(path), name);
    try {
      const options = { write: true, createNew: true, mode: 0o600 };
      const file = await Deno.open(temporary, options);
      return new NewFile(path, temporary, file);
    } catch (error) {
      throw asPiriError(path, error);
    }
  }

  /** Appends bytes. */
  async write(bytes: Uint8Array): Promise<void> {
    try {
      for (let at = 0; at < bytes.length;) {
        at += await this.#file.write(bytes.subarray(at));
      }
    } catch (error) {
      throw asPiriError(this.#path, error);
    }
  }

  /** Moves the file to its path, durably. */
  async finish(attributes: Attributes): Promise<void> {
    try {
      await setAttributes(this.#temporary, {
        ...attributes,
        mode: attributes.mode ?? NEW_MODE,
      }, {});
      await this.#file.sync();
      this.#close();
      await Deno.rename(this.#temporary, this.#path);
      if (Deno.build.os === "windows") return;
      using folder = await Deno.open(dirname(this.#path));
      await folder.sync();
    } catch (error) {
      throw asPiriError(this.#path, error);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#close();
    // A finished file was moved away already.
    await Deno.remove(this.#temporary).catch(() => {});
  }

  #close(): void {
    if (this.#open) this.#file.close();
    this.#open = false;
  }
}

function asPiriError(path: string, error: unknown): PiriError {
  if (error instanceof PiriError) return error;
  const options = { cause: error };
  if (error instanceof Deno.errors.NotFound) {
    const what = `there is no folder "${dirname(path)}"`;
    return new PiriError(
      "FAILED_PRECONDITION",
      `Cannot write "${path}": ${what}`,
      options,
    );
  }
  const denied = error instanceof Deno.errors.PermissionDenied;
  return new PiriError(
    denied ? "DENIED" : "DISK",
    `Cannot write "${path}": ${
      denied ? "permission was denied" : messageOf(error)
    }`,
    options,
  );
}
