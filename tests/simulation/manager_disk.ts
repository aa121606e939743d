import { join } from "@std/path";
import type { Clock } from "../../lib/base/clock.ts";
import type { Random } from "../../lib/base/random.ts";
import { Database } from "../../lib/store/database.ts";
import { MemorySegments } from "../../lib/store/memory_segments.ts";
import { Meta } from "../../lib/store/meta.ts";
import { migrate } from "../../lib/store/migrate.ts";
import { SqliteStore } from "../../lib/store/sqlite_store.ts";

/** Size from which output is in segments: most pieces are short here, and both ways are to be taken. */
const LARGE_BYTES = 8;

/** Copy of a database. */
export interface DiskBackup {
  readonly path: string;
  readonly segments: MemorySegments;
}

/**
 * Database of the Manager, which can be copied and restored. The layer above it, and not SQLite, decides which writes
 * survive a death.
 */
export class ManagerDisk implements AsyncDisposable {
  readonly #clock: Clock;
  readonly #random: Random;
  #db: Database;
  #segments: MemorySegments;
  #store: SqliteStore;
  #folder: string | undefined;
  #copies = 0;

  constructor(clock: Clock, random: Random) {
    this.#clock = clock;
    this.#random = random;
    this.#segments = new MemorySegments();
    [this.#db, this.#store] = this.#open(":memory:");
  }

  get store(): SqliteStore {
    return this.#store;
  }

  /** Copies the database as it is, for `restore`. */
  backup(): DiskBackup {
    this.#folder ??= Deno.makeTempDirSync({ prefix: "piri-simulation-" });
    const path = join(this.#folder, `backup-${++this.#copies}`);
    this.#db.script(`VACUUM INTO '${path.replaceAll("'", "''")}'`);
    return { path, segments: this.#segments.copy() };
  }

  /** Replaces the database by a backup. A backup can be restored more than once. */
  async restore(backup: DiskBackup): Promise<void> {
    await this.#store[Symbol.asyncDispose]();
    const path = `${backup.path}-restored-${++this.#copies}`;
    Deno.copyFileSync(backup.path, path);
    this.#segments = backup.segments.copy();
    [this.#db, this.#store] = this.#open(path);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#store[Symbol.asyncDispose]();
    if (this.#folder === undefined) return;
    Deno.removeSync(this.#folder, { recursive: true });
  }

  #open(path: string): [Database, SqliteStore] {
    const db = new Database(path);
    db.get("PRAGMA foreign_keys = ON");
    db.get("PRAGMA synchronous = OFF");
    db.get("PRAGMA journal_mode = MEMORY");
    migrate(db, path);
    const meta = new Meta(db, { random: this.#random, at: this.#clock.now() });
    const store = new SqliteStore(db, {
      meta,
      place: { files: this.#segments, largeBytes: LARGE_BYTES },
      resources: db,
    });
    return [db, store];
  }
}
