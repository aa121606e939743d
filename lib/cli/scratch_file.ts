import { PiriError } from "../base/errors.ts";

/** Size of the pieces that a scratch file is read in, in bytes. */
const PIECE_BYTES = 65_536;

/** Bytes that are put aside on disk for a while. Disposing it frees the space. */
export interface Scratch extends Disposable {
  /**
   * Appends bytes, all or none.
   *
   * @throws {PiriError} DISK
   */
  write(bytes: Uint8Array): Promise<void>;
  /**
   * Reads all bytes from the beginning. A piece is valid until the next one is read.
   *
   * @throws {PiriError} DISK
   */
  read(): AsyncIterable<Uint8Array>;
}

/**
 * Makes a file in the system's temporary folder, readable for this user only. It loses its name at once, so that nothing
 * is left of it however the program ends.
 *
 * @throws {PiriError} DISK
 */
export function scratchFile(): Scratch {
  return disk(() => {
    const path = Deno.makeTempFileSync({ prefix: "piri-line-" });
    const file = Deno.openSync(path, { read: true, write: true });
    return new ScratchFile(file, remove(path) ? undefined : path);
  });
}

class ScratchFile implements Scratch {
  readonly #file: Deno.FsFile;
  /** Path of a file that could not be removed while it is open, as on some file systems of Windows. */
  readonly #path: string | undefined;
  #length = 0;

  constructor(file: Deno.FsFile, path: string | undefined) {
    this.#file = file;
    this.#path = path;
  }

  async write(bytes: Uint8Array): Promise<void> {
    try {
      let start = 0;
      while (start < bytes.length) {
        start += await this.#file.write(bytes.subarray(start));
      }
      this.#length += bytes.length;
    } catch (error) {
      await diskLater(this.#file.truncate(this.#length));
      throw diskError(error);
    }
  }

  async *read(): AsyncGenerator<Uint8Array> {
    await diskLater(this.#file.seek(0, Deno.SeekMode.Start));
    const piece = new Uint8Array(PIECE_BYTES);
    while (true) {
      const length = await diskLater(this.#file.read(piece));
      if (length === null) return;
      yield piece.subarray(0, length);
    }
  }

  [Symbol.dispose](): void {
    this.#file.close();
    if (this.#path !== undefined) remove(this.#path);
  }
}

/** Removes a file. Returns false if the system refuses. */
function remove(path: string): boolean {
  try {
    Deno.removeSync(path);
    return true;
  } catch {
    return false;
  }
}

function disk<T>(task: () => T): T {
  try {
    return task();
  } catch (error) {
    throw diskError(error);
  }
}

async function diskLater<T>(task: Promise<T>): Promise<T> {
  try {
    return await task;
  } catch (error) {
    throw diskError(error);
  }
}

function diskError(error: unknown): PiriError {
  const fact = error instanceof Error ? error.message : "unknown";
  return new PiriError(
    "DISK",
    `Cannot keep a long line in a temporary file: ${fact}`,
    { cause: error },
  );
}
