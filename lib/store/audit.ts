import { FIELDS, fieldsHash, genesisHash, isSameHash } from "./audit_chain.ts";
import type {
  AuditCheck,
  AuditFinding,
  AuditMark,
  AuditPage,
  AuditRange,
  AuditRecord,
  NewAudit,
} from "./audit_records.ts";
import type { Database, SqlValue } from "./database.ts";
import type { Checkpoints } from "./checkpoints.ts";
import type { Meta } from "./meta.ts";
import type { Deferred } from "./writer.ts";
import { big, blob, int, nullable, Shape, text, word } from "./shape.ts";

/** Most rows that one read looks at, so that no other request waits long behind it. */
const WINDOW = 5_000;

/** Most entries that one read checks: their hashes take the time. */
const CHECKED = 500;

const shape = new Shape<AuditRecord>({
  id: big,
  at: int,
  who: text,
  credential: text,
  origin: text,
  act: text,
  target: text,
  operation: text,
  decision: word(),
  rule: text,
  statement: nullable(blob),
  outcome: text,
  note: text,
  hash: blob,
});

/** Entries that are inserted by one statement, which costs half of one each. */
const TOGETHER = 8;

const PLACES = `(${[...FIELDS, "hash"].map(() => "?").join(", ")})`;
const INSERT = `INSERT INTO audit (${shape.list}) VALUES ${PLACES}`;
const INSERT_TOGETHER = `INSERT INTO audit (${shape.list}) VALUES ${
  Array(TOGETHER).fill(PLACES).join(", ")
}`;

/** Row of an entry: its fields in their order, and its hash. Not made a record, as a check reads all of them. */
type Cells = readonly SqlValue[];

const ID = 0;
const HASH = FIELDS.length;

const HIGHEST_ID = 2n ** 63n - 1n;

/** Table of the audit: entries that are only ever added, each with a hash that continues the one before. */
export class Audit implements Deferred {
  readonly #db: Database;
  readonly #meta: Meta;
  readonly #checkpoints: Pick<Checkpoints, "stub">;
  readonly #genesis: AuditMark;
  /** End of the chain with the entries of the transaction under way; undefined if the database has to tell. */
  #last: AuditMark | undefined;
  /** Entries that are not inserted yet. */
  #pending: SqlValue[][] = [];

  constructor(
    db: Database,
    meta: Meta,
    checkpoints: Pick<Checkpoints, "stub">,
  ) {
    this.#db = db;
    this.#meta = meta;
    this.#checkpoints = checkpoints;
    this.#genesis = { id: 0n, hash: genesisHash(meta.managerId) };
  }

  /** Adds an entry. Call it in the same write as the act itself. The writer then flushes, or undoes it and forgets. */
  add(entry: NewAudit): void {
    const end = this.#last ?? this.end();
    const id = end.id + 1n;
    const at = Math.trunc(entry.at);
    const values = [
      id,
      at,
      entry.who,
      entry.credential,
      entry.origin,
      entry.act,
      entry.target,
      entry.operation,
      entry.decision,
      entry.rule,
      entry.statement,
      entry.outcome,
      entry.note,
    ];
    const hash = fieldsHash(end.hash, values);
    this.#pending.push([...values, hash]);
    this.#last = { id, hash };
  }

  /** Inserts the entries of a transaction, and notes the end of the chain once for all of them. */
  flush(): void {
    if (this.#pending.length === 0 || this.#last === undefined) return;
    const rows = this.#pending;
    let done = 0;
    while (rows.length - done >= TOGETHER) {
      const next = rows.slice(done, done += TOGETHER);
      this.#db.run(INSERT_TOGETHER, ...next.flat());
    }
    for (const row of rows.slice(done)) this.#db.run(INSERT, ...row);
    this.#meta.noteAuditEnd(this.#last);
    this.#pending = [];
  }

  forget(): void {
    this.#last = undefined;
    this.#pending = [];
  }

  /** Newest entry; that before the first one while there is none. */
  end(): AuditMark {
    return this.#meta.auditEnd() ?? this.#genesis;
  }

  /** Hashes of entries, in the order of their ids; null for an entry that is not there. */
  hashes(ids: readonly bigint[]): (Uint8Array | null)[] {
    return ids.map((id) => {
      const row = this.#db.get("SELECT hash FROM audit WHERE id = ?", id);
      return (row?.["hash"] ?? null) as Uint8Array | null;
    });
  }

  /** Id of the last entry before the first one that is not older than a time. */
  lastBefore(at: number): bigint {
    const row = this.#db.get(
      "SELECT id FROM audit WHERE at >= ? ORDER BY id LIMIT 1",
      Math.trunc(at),
    );
    return row === undefined ? this.end().id : (row["id"] as bigint) - 1n;
  }

  /** Deletes the oldest entries up to an id, at most some thousand. Returns how many they were. */
  deleteSome(upTo: bigint): number {
    return this.#db.run(
      "DELETE FROM audit WHERE id IN (SELECT id FROM audit WHERE id <= ? ORDER BY id LIMIT ?)",
      upTo,
      WINDOW,
    ).changes;
  }

  /** Reads on in one direction. The page may be empty although more is to come. */
  page({ from, direction, limit, filter }: AuditRange): AuditPage {
    const isNewer = direction === "newer";
    const start = from ?? (isNewer ? 0n : this.#newestId() + 1n);
    const windowEnd = isNewer ? start + BigInt(WINDOW) : start - BigInt(WINDOW);
    const { who = null, act = null, target = null, since = null } = filter;
    const entries = this.#db.all(
      `SELECT ${shape.list} FROM audit
       WHERE id > ? AND id < ? AND (? IS NULL OR who = ?) AND (? IS NULL OR act = ?)
         AND (? IS NULL OR instr(', ' || target || ', ', ', ' || ? || ', ') > 0)
         AND (? IS NULL OR at >= ?)
       ORDER BY id ${isNewer ? "ASC" : "DESC"} LIMIT ?`,
      isNewer ? start : windowEnd,
      isNewer ? windowEnd : start,
      ...twice(who),
      ...twice(act),
      ...twice(target),
      ...twice(since === null ? null : Math.trunc(since)),
      limit,
    ).map((row) => shape.record(row));
    const last = entries.length < limit ? undefined : entries.at(-1);
    const reached = last?.id ?? (isNewer ? windowEnd - 1n : windowEnd + 1n);
    const isMore = isNewer
      ? reached < this.#newestId()
      : reached > this.#start().id + 1n;
    return { entries, reached: isMore ? reached : undefined };
  }

  /** Checks the part of the chain that follows a mark, or its beginning: at most some hundred entries. */
  check(after: AuditMark = this.#start()): AuditCheck {
    const rows = this.#rows(after.id, CHECKED);
    let mark = after;
    for (let index = 0; index < rows.length; index++) {
      const row = rows[index] as Cells;
      const id = row[ID] as bigint;
      const hash = row[HASH] as Uint8Array;
      // Almost all entries fit. Only one that does not is looked at closely.
      const fits = id === mark.id + 1n &&
        isSameHash(fieldsHash(mark.hash, row), hash);
      if (!fits) {
        const finding = this.#findingAt(row, mark, rows[index + 1]);
        return { reached: mark, done: true, finding };
      }
      mark = { id, hash };
    }
    if (rows.length === CHECKED) {
      return { reached: mark, done: false, finding: undefined };
    }
    return { reached: mark, done: true, finding: this.#findingAtEnd(mark) };
  }

  /** The mistake at a row that does not continue the chain. */
  #findingAt(
    row: Cells,
    mark: AuditMark,
    next: Cells | undefined,
  ): AuditFinding {
    const id = mark.id + 1n;
    const found = row[ID] as bigint;
    if (found > id) {
      const last = found - 1n;
      return {
        id,
        kind: "removed",
        message: last === id
          ? `entry ${id} is missing`
          : `entries ${id} to ${last} are missing`,
      };
    }
    // An entry that was put in moves all that follow it by one.
    const moved = next ?? this.#rows(found, 1)[0];
    const isAdded = moved !== undefined &&
      isSameHash(
        fieldsHash(mark.hash, [id, ...moved.slice(1)]),
        moved[HASH] as Uint8Array,
      );
    return isAdded
      ? { id, kind: "added", message: `entry ${id} was put in afterwards` }
      : {
        id,
        kind: "changed",
        message: `entry ${id} is not as it was recorded`,
      };
  }

  #findingAtEnd(mark: AuditMark): AuditFinding | undefined {
    const end = this.end();
    if (mark.id < end.id) {
      return {
        id: mark.id + 1n,
        kind: "cut",
        message:
          `the end is missing: ${end.id} entries were recorded, and there are ${mark.id}`,
      };
    }
    if (mark.id > end.id) {
      const id = end.id + 1n;
      return {
        id,
        kind: "added",
        message:
          `entry ${id} was put in afterwards: only ${end.id} entries were recorded`,
      };
    }
    if (isSameHash(mark.hash, end.hash)) return undefined;
    return {
      id: mark.id,
      kind: "changed",
      message: `entry ${mark.id} is not as it was recorded`,
    };
  }

  /** Place before the first entry that is kept. */
  #start(): AuditMark {
    const stub = this.#checkpoints.stub();
    return stub === undefined
      ? this.#genesis
      : { id: stub.count, hash: stub.hash };
  }

  #rows(after: bigint, limit: number): Cells[] {
    // An entry before the first one has a number below 1.
    return this.#db.cells(
      `SELECT ${shape.list} FROM audit WHERE id > ? ORDER BY id LIMIT ?`,
      after === 0n ? -HIGHEST_ID : after,
      limit,
    );
  }

  #newestId(): bigint {
    const row = this.#db.get("SELECT max(id) AS id FROM audit");
    return (row?.["id"] ?? 0n) as bigint;
  }
}

function twice(value: SqlValue): [SqlValue, SqlValue] {
  return [value, value];
}
