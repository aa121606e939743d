import { createHash } from "node:crypto";
import process from "node:process";
import { DatabaseSync } from "node:sqlite";
import { systemRandom } from "../lib/base/random.ts";
import type { NewAudit } from "../lib/store/audit_records.ts";
import { Database } from "../lib/store/database.ts";
import { Meta } from "../lib/store/meta.ts";
import { migrate } from "../lib/store/migrate.ts";
import { Tables } from "../lib/store/tables.ts";
import type { OpenPair, Pair } from "./pair.ts";

/** Entries of one measurement. */
const ENTRIES = 20_000;

/** Bytes of an entry as it is hashed, about. */
const ENTRY_BYTES = 260;

/** Processor time of an entry of the audit, many in one transaction. */
export const auditWrite: Pair = {
  name: "audit-write",
  unit: "us",
  goal: { most: 6 },
  ours:
    `writing ${ENTRIES} entries of the audit in one transaction (processor time of one; 110,000 a second, so 9 us, is the aim)`,
  beside: "inserting the same rows into a table by a prepared statement alone",
  async open(): Promise<OpenPair> {
    const opened = await openTables();
    const rows = plainTable();
    return {
      ours: () => Promise.resolve(perEntry(() => opened.write(ENTRIES))),
      beside: () => Promise.resolve(perEntry(rows.write)),
      async [Symbol.asyncDispose]() {
        rows.db.close();
        await opened[Symbol.asyncDispose]();
      },
    };
  },
};

/** Processor time for the check of an entry of the audit. */
export const auditVerify: Pair = {
  name: "audit-verify",
  unit: "us",
  goal: { most: 8 },
  ours:
    `checking a chain of ${ENTRIES} entries (processor time of one; 1,000,000 in 8 s, so 8 us, is the aim)`,
  beside: `SHA-256 of ${ENTRY_BYTES} bytes, by node:crypto`,
  async open(): Promise<OpenPair> {
    const opened = await openTables();
    opened.write(ENTRIES);
    const bytes = new Uint8Array(ENTRY_BYTES);
    return {
      ours: () => Promise.resolve(perEntry(opened.check)),
      beside: () =>
        Promise.resolve(perEntry(() => {
          for (let done = 0; done < ENTRIES; done++) {
            createHash("sha256").update(bytes).digest();
          }
        })),
      [Symbol.asyncDispose]: () => opened[Symbol.asyncDispose](),
    };
  },
};

function processorMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
}

/** Processor time of a run over all entries, for each, in microseconds. */
function perEntry(run: () => void): number {
  const begun = processorMs();
  run();
  return (processorMs() - begun) * 1_000 / ENTRIES;
}

async function openTables() {
  const folder = await Deno.makeTempDir({ prefix: "piri-bench-audit-" });
  const path = `${folder}/manager.db`;
  const db = new Database(path);
  migrate(db, path);
  db.get("PRAGMA journal_mode = WAL");
  const meta = new Meta(db, { random: systemRandom, at: 0 });
  const { audit } = new Tables(db, meta);
  return {
    write(count: number): void {
      db.run("BEGIN IMMEDIATE");
      for (let index = 0; index < count; index++) audit.add(entry(index));
      audit.flush();
      db.run("COMMIT");
    },
    check(): void {
      let check = audit.check();
      while (!check.done) check = audit.check(check.reached);
      if (check.finding !== undefined) throw new Error(check.finding.message);
    },
    async [Symbol.asyncDispose]() {
      db[Symbol.dispose]();
      await Deno.remove(folder, { recursive: true });
    },
  };
}

/** Table with the same columns, and nothing that is hashed. */
function plainTable(): { db: DatabaseSync; write: () => void } {
  const db = new DatabaseSync(":memory:");
  db.exec(
    `CREATE TABLE plain (id INTEGER PRIMARY KEY, at INTEGER, a TEXT, b TEXT, c TEXT, d TEXT, e TEXT, f TEXT, g TEXT, h TEXT,
     statement BLOB, i TEXT, j TEXT, hash BLOB)`,
  );
  const insert = db.prepare(
    "INSERT INTO plain VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
  );
  const hash = new Uint8Array(32);
  let id = 0;
  return {
    db,
    write: () => {
      db.exec("BEGIN");
      for (let index = 0; index < ENTRIES; index++) {
        const each = entry(index);
        insert.run(
          ++id,
          each.at,
          each.who,
          each.credential,
          each.origin,
          each.act,
          each.target,
          each.operation,
          each.decision,
          each.rule,
          each.statement,
          each.outcome,
          each.note,
          hash,
        );
      }
      db.exec("COMMIT");
    },
  };
}

function entry(index: number): NewAudit {
  return {
    at: 1_780_000_000_000 + index,
    who: "root (sudo: anna)",
    credential: "socket",
    origin: "local",
    act: "StartJob",
    target: "@web ! web-3",
    operation: "command.Run",
    decision: "allowed",
    rule: "",
    statement: new Uint8Array(32).fill(index),
    outcome: `job j-${index}, 40 agents`,
    note: "anna",
  };
}
