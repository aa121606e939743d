import { basename } from "@std/path";
import { PiriError } from "../base/errors.ts";
import { exists } from "../base/files.ts";
import { Database } from "./database.ts";
import { openFile } from "./lock.ts";
import { endsOfSegments } from "./large_output.ts";
import { FolderSegments, outputFolder } from "./segment_files.ts";

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

/**
 * Says which bytes of output a database names that the folder beside it lacks; undefined if it lacks none.
 *
 * @throws {PiriError} DISK, CORRUPT
 */
export function lackOf(database: string): string | undefined {
  using db = new Database(database);
  const folder = outputFolder(database);
  using files = new FolderSegments(folder);
  const there = new Map(
    files.list().map((segment) => [segment, files.size(segment)]),
  );
  for (const [segment, end] of endsOfSegments(db)) {
    const size = there.get(segment) ?? 0;
    if (size < end) {
      return `${basename(folder)}/${segment} has ${size} of ${end} bytes`;
    }
  }
  return undefined;
}
