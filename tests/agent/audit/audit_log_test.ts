import { assertEquals } from "@std/assert";
import { HEAD_FILE } from "../../../lib/agent/audit/audit_chain.ts";
import { auditFiles } from "../../../lib/agent/audit/audit_files.ts";
import type { AuditLine } from "../../../lib/agent/audit/audit_line.ts";
import {
  AUDIT_LIMITS,
  AuditLog,
  type AuditLogOptions,
} from "../../../lib/agent/audit/audit_log.ts";
import { readAudit } from "../../../lib/agent/audit/read_audit.ts";
import { Counters } from "../../../lib/base/counters.ts";
import { PiriError } from "../../../lib/base/errors.ts";
import type { FileDisk } from "../../../lib/base/file_disk.ts";
import { FakeClock } from "../../support/fake_clock.ts";
import { heardLog } from "../../support/heard_log.ts";
import { MemoryDisk } from "../../support/memory_disk.ts";

/** Disk in memory that an owner may close. */
function closable(disk: MemoryDisk): FileDisk {
  return Object.assign(disk, {
    [Symbol.asyncDispose]: () => Promise.resolve(),
  });
}

interface Kept extends AsyncDisposable {
  readonly audit: AuditLog;
  readonly counters: Counters;
}

function keep(disk: MemoryDisk, options: Partial<AuditLogOptions> = {}): Kept {
  const counters = new Counters();
  const audit = new AuditLog({
    open: () => Promise.resolve(closable(disk)),
    clock: new FakeClock(),
    counters,
    ...options,
  });
  return {
    audit,
    counters,
    [Symbol.asyncDispose]: () => audit[Symbol.asyncDispose](),
  };
}

function started(id: bigint): AuditLine {
  return {
    at: 1_000,
    event: "started",
    command: { id, nonce: 7n, managerId: "manager-1" },
  };
}

/** Ids of the commands that a record has lines of, in order. */
async function idsIn(disk: MemoryDisk): Promise<bigint[]> {
  const { lines } = await readAudit(disk);
  return lines.flatMap((line) => line.event === "gap" ? [] : line.command.id);
}

Deno.test("lines that come together share one write, and none waits for a sync", async () => {
  const disk = new MemoryDisk();
  await using record = keep(disk);
  await record.audit.add(started(0n));
  disk.calls.length = 0;

  await Promise.all([1n, 2n, 3n].map((id) => record.audit.add(started(id))));

  assertEquals(disk.calls.map(({ kind }) => kind), ["append"]);
  assertEquals(await idsIn(disk), [0n, 1n, 2n, 3n]);
});

Deno.test("a line is on the disk when its promise resolves, and a killed agent has left it there", async () => {
  const disk = new MemoryDisk();
  await using record = keep(disk);

  await record.audit.add(started(1n));

  assertEquals(await idsIn(disk.copy()), [1n]);
});

Deno.test("a record that is closed survives a power cut", async () => {
  const disk = new MemoryDisk();
  const record = keep(disk);
  await record.audit.add(started(1n));
  await record[Symbol.asyncDispose]();

  assertEquals(await idsIn(disk.afterCrash("power")), [1n]);
});

Deno.test("a record keeps to its limits: the oldest file goes when a new one begins", async () => {
  const disk = new MemoryDisk();
  const limits = { fileBytes: 400, files: 3 };
  await using record = keep(disk, { limits });

  for (let id = 1n; id <= 40n; id++) await record.audit.add(started(id));

  const ids = await idsIn(disk);
  const numbers = await auditFiles(disk);
  assertEquals(numbers.length, 3);
  assertEquals(numbers.includes(1), false);
  assertEquals(ids, ids.map((_, index) => 41n - BigInt(ids.length - index)));
  const used = disk.used - await disk.size(HEAD_FILE);
  assertEquals(used <= limits.fileBytes * limits.files, true);
});

Deno.test("many lines at once fill one file after the other, and none is over its size", async () => {
  const disk = new MemoryDisk();
  const limits = { fileBytes: 400, files: 30 };
  await using record = keep(disk, { limits });
  const ids = Array.from({ length: 40 }, (_, index) => BigInt(index + 1));

  await Promise.all(ids.map((id) => record.audit.add(started(id))));

  const sizes = await Promise.all(
    (await disk.list()).map((name) => disk.size(name)),
  );
  assertEquals(await idsIn(disk), ids);
  assertEquals(sizes.filter((size) => size > 400), []);
});

Deno.test("a line above the size of a file has a file of its own", async () => {
  const disk = new MemoryDisk();
  await using record = keep(disk, { limits: { fileBytes: 10, files: 2 } });

  await record.audit.add(started(1n));
  await record.audit.add(started(2n));

  assertEquals(await auditFiles(disk), [1, 2]);
  assertEquals(await idsIn(disk), [1n, 2n]);
});

Deno.test("a record takes 10 MiB by default", () => {
  assertEquals(AUDIT_LIMITS.fileBytes * AUDIT_LIMITS.files, 10 * 2 ** 20);
});

Deno.test("the next agent goes on in the newest file, behind a torn line", async () => {
  const disk = new MemoryDisk();
  disk.put("audit-000001.jsonl", new TextEncoder().encode(""));
  const before = keep(disk);
  await before.audit.add(started(1n));
  await disk.append(
    "audit-000001.jsonl",
    new TextEncoder().encode('{"at":"2026-01-01T00:00:00.000Z","event":"st'),
  );
  await using after = keep(disk);

  await after.audit.add(started(2n));

  const { troubles } = await readAudit(disk);
  assertEquals(await idsIn(disk), [1n, 2n]);
  assertEquals(troubles, [
    "1 line of audit-000001.jsonl cannot be read and is left out",
  ]);
});

Deno.test("a full disk holds nothing up: it is logged once, counted, and told in the record", async () => {
  await using log = await heardLog();
  const disk = new MemoryDisk();
  await using record = keep(disk);
  await record.audit.add(started(1n));
  disk.capacity = disk.used + 20;

  await record.audit.add(started(2n));
  await record.audit.add(started(3n));
  disk.capacity = Infinity;
  await record.audit.add(started(4n));

  const { troubles } = await readAudit(disk);
  assertEquals(await idsIn(disk), [1n, 4n]);
  assertEquals(record.counters.all(), { audit_lines_missing: 2n });
  assertEquals(troubles, [
    "2 lines are missing before 2026-01-01T00:00:00.000Z: the disk did not take them",
    "1 line of audit-000001.jsonl cannot be read and is left out",
  ]);
  assertEquals(log.records.map(({ level }) => level), ["error", "warning"]);
});

Deno.test("a gap is told in the next file if it does not fit into this one", async () => {
  const disk = new MemoryDisk();
  await using record = keep(disk, { limits: { fileBytes: 150, files: 3 } });
  await record.audit.add(started(1n));
  disk.capacity = disk.used;
  await record.audit.add(started(2n));
  disk.capacity = Infinity;
  await record.audit.add(started(3n));

  const { lines } = await readAudit(disk);
  assertEquals(lines.map(({ event }) => event), ["started", "gap", "started"]);
});

Deno.test("a folder that cannot be opened holds nothing up, and is tried again", async () => {
  const disk = new MemoryDisk();
  let broken = true;
  await using record = keep(disk, {
    open: () =>
      broken
        ? Promise.reject(new PiriError("DISK", "Cannot open it"))
        : Promise.resolve(closable(disk)),
  });

  await record.audit.add(started(1n));
  broken = false;
  await record.audit.add(started(2n));

  assertEquals(await idsIn(disk), [2n]);
  assertEquals(record.counters.all(), { audit_lines_missing: 1n });
});

Deno.test("a record that was prepared opens nothing for its first line", async () => {
  const disk = new MemoryDisk();
  await using record = keep(disk);
  await record.audit.prepare();
  disk.calls.length = 0;

  await record.audit.add(started(1n));

  assertEquals(disk.calls.map(({ kind }) => kind), ["append"]);
});

Deno.test("a record that cannot be prepared is tried again with its first line", async () => {
  const disk = new MemoryDisk();
  const answers = [Promise.resolve(closable(disk))];
  const failing = Promise.reject(new PiriError("DISK", "Cannot open it"));
  failing.catch(() => {});
  await using record = keep(disk, { open: () => answers.pop() ?? failing });
  answers.push(failing);
  await record.audit.prepare();
  await record.audit.add(started(1n));

  assertEquals(await idsIn(disk), [1n]);
});

Deno.test("a line that comes after the end is counted as missing", async () => {
  const disk = new MemoryDisk();
  const record = keep(disk);
  await record[Symbol.asyncDispose]();
  await record[Symbol.asyncDispose]();

  await record.audit.add(started(1n));

  assertEquals(record.counters.all(), { audit_lines_missing: 1n });
});
