import { join } from "@std/path";
import type { Clock } from "../../lib/base/clock.ts";
import type { Random } from "../../lib/base/random.ts";
import { Database } from "../../lib/store/database.ts";
import { Meta } from "../../lib/store/meta.ts";
import { migrate } from "../../lib/store/migrate.ts";
import { SqliteStore } from "../../lib/store/sqlite_store.ts";

/** The Manager's database, which can be copied and put back. What survives a death is decided above it, not by SQLite. */
export class ManagerDisk implements AsyncDisposable {
  readonly #clock: Clock;
  readonly #random: Random;
  #db: Database;
  #store: SqliteStore;
  #folder: string | undefined;
  #copies = 0;

  constructor(clock: Clock, random: Random) {
    this.#clock = clock;
    this.#random = random;
    [this.#db, this.#store] = this.#open(":memory:");
  }

  get store(): SqliteStore {
    return this.#store;
  }

  /** A copy of the database as it is, to be put back with `restore`. */
  backup(): string {
    this.#folder ??= Deno.makeTempDirSync({ prefix: "piri-simulation-" });
    const path = join(this.#folder, `backup-${++this.#copies}`);
    this.#db.script(`VACUUM INTO '${path.replaceAll("'", "''")}'`);
    return path;
  }

  /** Puts a backup in the place of the database. A backup can be put back more than once. */
  async restore(backup: string): Promise<void> {
    await this.#store[Symbol.asyncDispose]();
    const path = `${backup}-restored-${++this.#copies}`;
    Deno.copyFileSync(backup, path);
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
    return [db, new SqliteStore(db, meta, db)];
  }
}
