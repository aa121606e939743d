import { dirname } from "@std/path";
import { PiriError } from "../base/errors.ts";

/** Files that a subcommand writes for the user. */
export interface OutFiles {
  /**
   * Makes a folder that is to be empty. Returns the folders that were not there, those within others last.
   *
   * @throws {PiriError} INVALID_ARGUMENT if something is in it; DENIED or DISK
   */
  makeFolder(path: string): Promise<readonly string[]>;
  /**
   * Requires that a file can be written. One that is there keeps its content. Returns the file if it was not there.
   *
   * @throws {PiriError} DENIED or DISK
   */
  makeFile(path: string): Promise<readonly string[]>;
  /** Removes a file or folder that is still empty. Never rejects. */
  removeEmpty(path: string): Promise<void>;
  /**
   * Writes a file, or adds to its end.
   *
   * @throws {PiriError} DENIED or DISK
   */
  write(
    path: string,
    data: Uint8Array | string,
    options?: { readonly append?: boolean },
  ): Promise<void>;
}

const encoder = new TextEncoder();

/** Files of this machine. */
export const systemOutFiles: OutFiles = {
  async makeFolder(path) {
    try {
      const made = await missingOf(path);
      await Deno.mkdir(path, { recursive: true });
      for await (const { name } of Deno.readDir(path)) {
        throw new PiriError(
          "INVALID_ARGUMENT",
          `Cannot write to the folder "${path}": it is not empty, it has "${name}"`,
        );
      }
      return made;
    } catch (error) {
      throw failure(`write to the folder "${path}"`, error);
    }
  },
  async makeFile(path) {
    try {
      const isThere = await exists(path);
      // A report of an earlier run stays: this one may never begin.
      (await Deno.open(path, { append: true, create: true })).close();
      return isThere ? [] : [path];
    } catch (error) {
      throw failure(`write "${path}"`, error);
    }
  },
  async removeEmpty(path) {
    try {
      const { isFile, isDirectory, size } = await Deno.lstat(path);
      // The system itself keeps a folder that has something.
      if (isDirectory || (isFile && size === 0)) await Deno.remove(path);
    } catch {
      // It stays, and harms nobody.
    }
  },
  async write(path, data, { append = false } = {}) {
    const bytes = typeof data === "string" ? encoder.encode(data) : data;
    try {
      await Deno.writeFile(path, bytes, { append });
    } catch (error) {
      throw failure(`write "${path}"`, error);
    }
  },
};

/** Folders on the way to a path that are not there, the outermost first. */
async function missingOf(path: string): Promise<string[]> {
  if (await exists(path)) return [];
  const above = dirname(path);
  return above === path ? [path] : [...await missingOf(above), path];
}

async function exists(path: string): Promise<boolean> {
  try {
    await Deno.lstat(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

function failure(attempt: string, cause: unknown): PiriError {
  if (cause instanceof PiriError) return cause;
  const [code, fact] = cause instanceof Deno.errors.PermissionDenied
    ? ["DENIED", "the system does not allow it"] as const
    : cause instanceof Deno.errors.NotFound
    ? ["DISK", "there is no such folder"] as const
    : ["DISK", cause instanceof Error ? cause.message : "unknown"] as const;
  return new PiriError(code, `Cannot ${attempt}: ${fact}`, { cause });
}
