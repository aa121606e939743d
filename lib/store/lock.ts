import { messageOf, PiriError } from "../base/errors.ts";
import { unlockAndClose } from "../base/unlock.ts";

/**
 * Keeps a second Manager away from a database. The system releases the lock when the process ends, however it ends.
 *
 * It is a separate file, because SQLite's own locks would also block readers and backups.
 */
export class FileLock implements Disposable {
  readonly #file: Deno.FsFile;

  private constructor(file: Deno.FsFile) {
    this.#file = file;
  }

  /**
   * Takes the lock.
   *
   * @throws {PiriError} FAILED_PRECONDITION if another process holds it, DISK.
   */
  static async take(path: string): Promise<FileLock> {
    const lockPath = `${path}-lock`;
    using stack = new DisposableStack();
    const file = stack.use(await openFile(lockPath));
    if (!await file.tryLock(true)) {
      throw new PiriError(
        "FAILED_PRECONDITION",
        `Cannot open "${path}": a Manager already runs on this folder`,
      );
    }
    stack.move();
    return new FileLock(file);
  }

  [Symbol.dispose](): void {
    unlockAndClose(this.#file);
  }
}

/**
 * True if a process, this one too, holds the lock of a database. Makes no lock where none was ever taken.
 *
 * @throws {PiriError} DISK
 */
export async function isLocked(path: string): Promise<boolean> {
  const lockPath = `${path}-lock`;
  try {
    const file = await Deno.open(lockPath, { read: true, write: true });
    try {
      return !await file.tryLock(true);
    } finally {
      unlockAndClose(file);
    }
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw cannotOpen(lockPath, error);
  }
}

/** Opens a file and creates it if needed. Makes sure that only its owner can read it. */
export async function openFile(path: string): Promise<Deno.FsFile> {
  try {
    const file = await Deno.open(path, {
      read: true,
      write: true,
      create: true,
      mode: 0o600,
    });
    if (Deno.build.os !== "windows") await Deno.chmod(path, 0o600);
    return file;
  } catch (error) {
    throw cannotOpen(path, error);
  }
}

function cannotOpen(path: string, error: unknown): PiriError {
  return new PiriError("DISK", `Cannot open "${path}": ${messageOf(error)}`, {
    cause: error,
  });
}
