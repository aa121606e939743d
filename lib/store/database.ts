import { backup, DatabaseSync, type StatementSync } from "node:sqlite";
import { type ErrorCode, messageOf, PiriError } from "../base/errors.ts";

/** Value of an SQLite cell. Integers are read as bigint, whatever their size. */
export type SqlValue = null | number | bigint | string | Uint8Array;

/** Row of a result, by column name. */
export type Row = Readonly<Record<string, SqlValue>>;

/** Primary result codes (sqlite.org/rescode.html) that concern the machine and not the statement. */
const CODES: ReadonlyMap<number, ErrorCode> = new Map([
  [5, "DISK"], // BUSY: another program holds the file's lock
  [6, "DISK"], // LOCKED
  [7, "DISK"], // NOMEM
  [8, "DISK"], // READONLY
  [10, "DISK"], // IOERR
  [11, "CORRUPT"],
  [13, "DISK"], // FULL
  [14, "DISK"], // CANTOPEN
  [26, "CORRUPT"], // NOTADB
]);

/** Number of pages that a copy takes at a time: all, as it begins again when another program writes in between. */
const ALL_PAGES = 2 ** 31 - 1;

/** Statement with a method that its types do not have yet. */
interface ListingStatement extends StatementSync {
  /** Returns each row as a list of its cells. */
  setReturnArrays(isOn: boolean): void;
}

/** Open SQLite file. Each statement is compiled once and kept; all calls are synchronous. */
export class Database implements Disposable {
  readonly #path: string;
  readonly #db: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();
  /** Statements that return lists. */
  readonly #listing = new Map<string, StatementSync>();

  constructor(path: string) {
    this.#path = path;
    this.#db = new DatabaseSync(path);
  }

  /** Runs a statement that changes data. */
  run(sql: string, ...values: SqlValue[]): { changes: number; id: bigint } {
    return this.#guarded(() => {
      const { changes, lastInsertRowid } = this.#statement(sql).run(...values);
      return { changes: Number(changes), id: BigInt(lastInsertRowid) };
    });
  }

  /** First row of a query's result. */
  get(sql: string, ...values: SqlValue[]): Row | undefined {
    return this.#guarded(() => this.#statement(sql).get(...values));
  }

  all(sql: string, ...values: SqlValue[]): Row[] {
    return this.#guarded(() => this.#statement(sql).all(...values));
  }

  /** Rows as lists of their cells: faster than rows by column names, for queries of many rows. */
  cells(sql: string, ...values: SqlValue[]): SqlValue[][] {
    return this.#guarded(() => {
      let statement = this.#listing.get(sql);
      if (statement === undefined) {
        statement = this.#db.prepare(sql);
        statement.setReadBigInts(true);
        (statement as ListingStatement).setReturnArrays(true);
        this.#listing.set(sql, statement);
      }
      // It returns lists now, whatever its type says.
      return statement.all(...values) as unknown as SqlValue[][];
    });
  }

  /** Rows of a query, read as they are asked for. Do not start the same query again before this one has ended. */
  *each(sql: string, ...values: SqlValue[]): Generator<Row, void> {
    const lines = this.#guarded(() => this.#statement(sql).iterate(...values));
    try {
      for (;;) {
        const line = this.#guarded(() => lines.next());
        if (line.done) return;
        yield line.value;
      }
    } finally {
      // A reader that stops early would otherwise leave the statement open, and with it a read transaction.
      lines.return?.();
    }
  }

  /** Copies all of it, as it is at one moment, to a file that is empty or not there. */
  async copyTo(path: string): Promise<void> {
    try {
      await backup(this.#db, path, { rate: ALL_PAGES });
    } catch (error) {
      throw this.#named(error);
    }
  }

  /** Runs statements that are not worth keeping compiled. */
  script(sql: string): void {
    this.#guarded(() => this.#db.exec(sql));
  }

  /** True inside a transaction. False also after SQLite has rolled back by itself, as it does on a full disk. */
  get inTransaction(): boolean {
    return this.#db.isTransaction;
  }

  /** Size of the file in bytes, without its write-ahead log. */
  bytes(): bigint {
    const row = this.get(
      "SELECT page_count * page_size AS size FROM pragma_page_count, pragma_page_size",
    );
    return row?.["size"] as bigint;
  }

  [Symbol.dispose](): void {
    this.#db.close();
  }

  #statement(sql: string): StatementSync {
    const kept = this.#statements.get(sql);
    if (kept !== undefined) return kept;
    const statement = this.#db.prepare(sql);
    statement.setReadBigInts(true);
    this.#statements.set(sql, statement);
    return statement;
  }

  /** Calls SQLite, and turns its errors about the machine into our codes. */
  #guarded<T>(call: () => T): T {
    try {
      return call();
    } catch (error) {
      throw this.#named(error);
    }
  }

  /** An error of SQLite with our code, if it is about the machine. */
  #named(error: unknown): unknown {
    const code = CODES.get(resultCode(error) & 0xff);
    if (code === undefined) return error;
    return new PiriError(
      code,
      `Cannot use the database "${this.#path}": ${messageOf(error)}`,
      { cause: error },
    );
  }
}

function resultCode(error: unknown): number {
  return error instanceof Error && "errcode" in error &&
      typeof error.errcode === "number"
    ? error.errcode
    : 0;
}
