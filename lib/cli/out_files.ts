import { PiriError } from "../base/errors.ts";

/** Files that a subcommand writes for the user. */
export interface OutFiles {
  /**
   * Makes a folder that is to be empty.
   *
   * @throws {PiriError} INVALID_ARGUMENT if something is in it; DENIED or DISK
   */
  makeFolder(path: string): Promise<void>;
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
      await Deno.mkdir(path, { recursive: true });
      for await (const { name } of Deno.readDir(path)) {
        throw new PiriError(
          "INVALID_ARGUMENT",
          `Cannot write to the folder "${path}": it is not empty, it has "${name}"`,
        );
      }
    } catch (error) {
      throw failure(`write to the folder "${path}"`, error);
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

function failure(attempt: string, cause: unknown): PiriError {
  if (cause instanceof PiriError) return cause;
  const [code, fact] = cause instanceof Deno.errors.PermissionDenied
    ? ["DENIED", "the system does not allow it"] as const
    : cause instanceof Deno.errors.NotFound
    ? ["DISK", "there is no such folder"] as const
    : ["DISK", cause instanceof Error ? cause.message : "unknown"] as const;
  return new PiriError(code, `Cannot ${attempt}: ${fact}`, { cause });
}
