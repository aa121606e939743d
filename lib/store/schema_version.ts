import { exists } from "../base/files.ts";
import { Database } from "./database.ts";
import { MIGRATIONS, versionOfOurs } from "./migrate.ts";

/** Longest wait for a lock of another program, in milliseconds. */
const BUSY_TIMEOUT_MS = 10_000;

/** Newest version of the schema that this program knows. */
export const NEWEST_SCHEMA: number = MIGRATIONS.length;

/**
 * Version of the schema of a Manager's database, also of one that is newer than this program or in use; undefined if
 * there is none.
 *
 * @throws {PiriError} DISK, CORRUPT
 */
export async function schemaVersion(path: string): Promise<number | undefined> {
  // SQLite would make a new one.
  if (!await exists(path)) return undefined;
  using db = new Database(path);
  db.get(`PRAGMA busy_timeout = ${BUSY_TIMEOUT_MS}`);
  return versionOfOurs(db);
}
