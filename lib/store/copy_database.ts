import { PiriError } from "../base/errors.ts";
import { exists } from "../base/files.ts";
import { Database } from "./database.ts";
import { openFile } from "./lock.ts";

/** Longest wait for a lock of another program, in milliseconds. */
const BUSY_TIMEOUT_MS = 10_000;

/**
 * Copies a database into a new file, as it is at one moment, also while a Manager uses it: sqlite.org/backup.html. The
 * copy is on the disk when this has returned, and only its owner can read it.
 *
 * @throws {PiriError} DISK, CORRUPT; FAILED_PRECONDITION if there is no such database
 */
export async function copyDatabase(from: string, to: string): Promise<void> {
  // SQLite would make a new one.
  if (!await exists(from)) {
    throw new PiriError(
      "FAILED_PRECONDITION",
      `Cannot copy "${from}": there is no such file`,
    );
  }
  // An empty file is taken for one that is not there yet, and keeps its mode.
  (await openFile(to)).close();
  {
    using db = new Database(from);
    db.get(`PRAGMA busy_timeout = ${BUSY_TIMEOUT_MS}`);
    await db.copyTo(to);
  }
  using copy = await openFile(to);
  await copy.sync();
}
