import type { Clock } from "../base/clock.ts";
import type { Random } from "../base/random.ts";
import { copyBeforeUpgrade } from "./copy_before_upgrade.ts";
import { Database } from "./database.ts";
import { type StoredIdentity, writeIdentity } from "./identity.ts";
import { FileLock, openFile } from "./lock.ts";
import { MemorySegments } from "./memory_segments.ts";
import { Meta } from "./meta.ts";
import { migrate, olderVersion } from "./migrate.ts";
import { FolderSegments, outputFolder } from "./segment_files.ts";
import { SqliteStore } from "./sqlite_store.ts";

/**
 * Longest wait for a lock, in milliseconds. Only a person with another tool on a running Manager's database can hold
 * one.
 */
const BUSY_TIMEOUT_MS = 2_000;

/** Settings of the connection. */
const PRAGMAS = [
  `busy_timeout = ${BUSY_TIMEOUT_MS}`,
  "foreign_keys = ON",
  "temp_store = MEMORY",
  "cache_size = -16384",
];

/** Settings after the schema, so that a refused file stays unchanged. FULL: committed data survives a power cut. */
const DURABILITY = [
  "journal_mode = WAL",
  "synchronous = FULL",
  "journal_size_limit = 67108864",
];

/**
 * Opens a Manager's database or creates one, readable by its owner only.
 *
 * @throws {PiriError} FAILED_PRECONDITION if another Manager has it open; CORRUPT if it is damaged, not ours or from a
 * newer Manager; DISK.
 */
export async function openStore(
  path: string | ":memory:",
  { clock, random, identity, largeBytes, keepCopy, onUpgrade, onCopied }: {
    clock: Clock;
    random: Random;
    /** Content of a new database; an empty one if absent. */
    identity?: StoredIdentity | undefined;
    /** Size from which a piece of output is not in the database itself, in bytes; for tests. */
    largeBytes?: number | undefined;
    /** Version of the schema of a copy that stays, besides the newest one. */
    keepCopy?: number | undefined;
    /** Called before this version copies the database and changes its schema. */
    onUpgrade?: () => void;
    /** Called with the path of a copy that was made, because this version changes the schema. */
    onCopied?: (copy: string) => void;
  },
): Promise<SqliteStore> {
  using stack = new DisposableStack();
  if (path !== ":memory:") {
    stack.use(await FileLock.take(path));
    // SQLite gives its -wal and -shm files the mode of the database.
    (await openFile(path)).close();
  }
  const db = stack.use(new Database(path));
  for (const pragma of PRAGMAS) db.get(`PRAGMA ${pragma}`);
  const earlier = olderVersion(db);
  if (path !== ":memory:" && earlier !== undefined) {
    onUpgrade?.();
    const copy = await copyBeforeUpgrade(path, earlier, keepCopy);
    onCopied?.(copy);
  }
  migrate(db, path);
  for (const pragma of DURABILITY) db.get(`PRAGMA ${pragma}`);
  if (identity !== undefined) writeIdentity(db, identity);
  const meta = new Meta(db, { random, at: clock.now() });
  const files = path === ":memory:"
    ? new MemorySegments()
    : new FolderSegments(outputFolder(path));
  return new SqliteStore(db, {
    meta,
    place: { files, largeBytes },
    resources: stack.move(),
  });
}
