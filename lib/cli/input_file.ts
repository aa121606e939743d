import { PiriError } from "../base/errors.ts";

/** File or standard input, read in pieces. */
export interface InputFile extends Disposable {
  /** Size in bytes; undefined if that is not known before it was read. */
  readonly size: number | undefined;
  /**
   * Fills the buffer as far as the input goes. Returns the number of bytes, which is smaller only at the end.
   *
   * @throws {PiriError} DISK
   */
  fill(buffer: Uint8Array): Promise<number>;
}

/** Source of bytes, such as Deno.stdin. */
export interface ByteSource {
  read(buffer: Uint8Array): Promise<number | null>;
}

/**
 * Opens a file, or standard input for "-".
 *
 * @throws {PiriError} NOT_FOUND, DENIED, DISK
 */
export async function openInput(path: string): Promise<InputFile> {
  if (path === "-") return inputOf(Deno.stdin, { path: "stdin" });
  try {
    const file = await Deno.open(path);
    const { isFile, size } = await file.stat();
    const close = () => file.close();
    return inputOf(file, { path, size: isFile ? size : undefined, close });
  } catch (error) {
    throw readError(path, error);
  }
}

/** Makes an input of a source of bytes. */
export function inputOf(
  source: ByteSource,
  { path, size, close = () => {} }: {
    readonly path: string;
    readonly size?: number | undefined;
    readonly close?: () => void;
  },
): InputFile {
  return {
    size,
    async fill(buffer) {
      let filled = 0;
      try {
        while (filled < buffer.length) {
          const count = await source.read(buffer.subarray(filled));
          if (count === null) break;
          filled += count;
        }
      } catch (error) {
        throw readError(path, error);
      }
      return filled;
    },
    [Symbol.dispose]: close,
  };
}

/** Makes the error of a file that cannot be read. */
export function readError(path: string, error: unknown): PiriError {
  const [code, fact] = error instanceof Deno.errors.NotFound
    ? ["NOT_FOUND", "there is no such file"] as const
    : error instanceof Deno.errors.PermissionDenied
    ? ["DENIED", "the system does not allow it"] as const
    : ["DISK", error instanceof Error ? error.message : "unknown"] as const;
  return new PiriError(code, `Cannot read "${path}": ${fact}`, {
    cause: error,
  });
}
