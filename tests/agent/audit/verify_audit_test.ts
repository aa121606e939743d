import { assertEquals } from "@std/assert";
import {
  decodeHead,
  encodeHead,
  HEAD_FILE,
  lineHash,
} from "../../../lib/agent/audit/audit_chain.ts";
import { auditFile } from "../../../lib/agent/audit/audit_files.ts";
import {
  type AuditLine,
  encodeLine,
} from "../../../lib/agent/audit/audit_line.ts";
import { AuditLog } from "../../../lib/agent/audit/audit_log.ts";
import { verifyAudit } from "../../../lib/agent/audit/verify_audit.ts";
import { Counters } from "../../../lib/base/counters.ts";
import { FakeClock } from "../../support/fake_clock.ts";
import { MemoryDisk } from "../../support/memory_disk.ts";

const LIMITS = { fileBytes: 700, files: 30 };

function log(disk: MemoryDisk, limits = LIMITS): AuditLog {
  return new AuditLog({
    open: () =>
      Promise.resolve(
        Object.assign(disk, { [Symbol.asyncDispose]: () => Promise.resolve() }),
      ),
    clock: new FakeClock(),
    counters: new Counters(),
    limits,
  });
}

function started(id: number): AuditLine {
  const command = { id: BigInt(id), nonce: 7n, managerId: "manager-1" };
  return { at: 1_000, event: "started", command };
}

/** Record of ten lines, three in each file but the last. */
async function tenLines(): Promise<MemoryDisk> {
  const disk = new MemoryDisk();
  await using record = log(disk);
  for (let id = 1; id <= 10; id++) await record.add(started(id));
  return disk;
}

const text = new TextDecoder();

async function linesIn(disk: MemoryDisk, number: number): Promise<string[]> {
  const name = auditFile(number);
  const bytes = await disk.read(name, 0, await disk.size(name));
  return text.decode(bytes).trimEnd().split("\n");
}

/** Puts other lines into a file of a record. */
async function put(
  disk: MemoryDisk,
  number: number,
  lines: readonly string[],
): Promise<void> {
  const content = lines.map((line) => `${line}\n`).join("");
  await disk.replace(auditFile(number), new TextEncoder().encode(content));
}

/** Edit of the lines of one file. */
type Edit = (lines: string[]) => readonly string[];

const UNLINKED = encodeLine(started(99)).trimEnd();

const swap: Edit = ([one = "", two = "", ...rest]) => [two, one, ...rest];

for (
  const [what, number, edit, findings] of [
    [
      "a line that was changed",
      2,
      (lines) => lines.map((line) => line.replace('"id":"5"', '"id":"6"')),
      [
        "line 2 of audit-000002.jsonl, number 5, was changed: number 6 names another one",
      ],
    ],
    [
      "a line that was changed at the end of a file",
      1,
      (lines) => lines.map((line) => line.replace('"id":"3"', '"id":"6"')),
      [
        "line 3 of audit-000001.jsonl, number 3, was changed: number 4 names another one",
      ],
    ],
    [
      "the last line, changed",
      4,
      (lines) => lines.map((line) => line.replace('"id":"10"', '"id":"6"')),
      [
        "number 10 is not the line that was written: it was changed, or all lines from some place on were made anew",
      ],
    ],
    [
      "a line that was removed",
      2,
      ([one = "", , three = ""]) => [one, three],
      ["before line 2 of audit-000002.jsonl, number 5 was removed"],
    ],
    [
      "all lines of a file, removed",
      2,
      () => [],
      ["before line 1 of audit-000003.jsonl, numbers 4 to 6 were removed"],
    ],
    [
      "the first lines, removed",
      1,
      ([, , three = ""]) => [three],
      [
        "the beginning was cut: number 1 was the first line, and number 3 is now",
      ],
    ],
    [
      "a line without a hash that was added",
      2,
      (lines) => [...lines, UNLINKED],
      [
        "line 4 of audit-000002.jsonl has no hash: it was added, or an earlier version of piri-agent wrote it",
        "line 4 of audit-000002.jsonl was added or changed",
      ],
    ],
    [
      "a line with a number and a hash that was added",
      2,
      ([one = "", ...rest]) => [
        one,
        encodeLine(started(99), {
          seq: 5,
          prev: lineHash(new TextEncoder().encode(one)),
        }).trimEnd(),
        ...rest,
      ],
      [
        "line 3 of audit-000002.jsonl is number 5, and stands behind number 5: it was added or moved",
      ],
    ],
    [
      "a line that is there twice",
      2,
      ([one = "", ...rest]) => [one, one, ...rest],
      [
        "line 2 of audit-000002.jsonl is number 4, and stands behind number 4: it was added or moved",
      ],
    ],
    [
      "two lines in another order",
      2,
      swap,
      [
        "before line 1 of audit-000002.jsonl, number 4 was removed",
        "line 2 of audit-000002.jsonl is number 4, and stands behind number 5: it was added or moved",
        "before line 3 of audit-000002.jsonl, number 5 was removed",
      ],
    ],
    [
      "an end that was cut",
      4,
      () => [],
      ["the end was cut: number 10 was written, and the last one is number 9"],
    ],
    [
      "a line that is no JSON any more",
      2,
      ([one = "", , three = ""]) => [one, "}", three],
      ["before line 3 of audit-000002.jsonl, number 5 was removed"],
    ],
  ] as readonly (readonly [string, number, Edit, readonly string[]])[]
) {
  Deno.test(`verifying a record finds ${what}`, async () => {
    const disk = await tenLines();
    await put(disk, number, edit(await linesIn(disk, number)));
    assertEquals((await verifyAudit(disk)).findings, findings);
  });
}

Deno.test("verifying a record finds lines that were all made anew, with right hashes", async () => {
  const disk = await tenLines();
  const other = new MemoryDisk();
  {
    await using record = log(other);
    for (let id = 11; id <= 20; id++) await record.add(started(id));
  }
  for (const number of [1, 2, 3, 4]) {
    await put(disk, number, await linesIn(other, number));
  }
  assertEquals((await verifyAudit(disk)).findings, [
    "number 10 is not the line that was written: it was changed, or all lines from some place on were made anew",
  ]);
});

Deno.test("a record that goes on over files, a kill and a restart is whole", async () => {
  let disk = new MemoryDisk();
  const limits = { fileBytes: 700, files: 3 };
  const killed = log(disk, limits);
  for (let id = 1; id <= 20; id++) await killed.add(started(id));
  disk = disk.afterCrash("kill");
  await disk.append(
    auditFile(7),
    new TextEncoder().encode('{"at":"2026-01-01T'),
  );
  {
    await using record = log(disk, limits);
    for (let id = 21; id <= 24; id++) await record.add(started(id));
  }
  const { lines, first, findings, notes } = await verifyAudit(disk);
  assertEquals(findings, []);
  assertEquals([lines, first + lines - 1], [24 - first + 1, 24]);
  assertEquals(notes, [
    "line 3 of audit-000007.jsonl is incomplete, as when the agent is killed while it writes",
  ]);
});

Deno.test("lines of an earlier version stay in front of the chain, and are covered by it", async () => {
  const disk = new MemoryDisk();
  await put(disk, 1, [UNLINKED, UNLINKED]);
  {
    await using record = log(disk);
    await record.add(started(1));
  }
  assertEquals(await verifyAudit(disk), {
    lines: 1,
    first: 1,
    findings: [],
    notes: [
      "2 lines were written by an earlier version of piri-agent, without hashes",
    ],
  });
  const [one = "", two = "", ...rest] = await linesIn(disk, 1);
  await put(disk, 1, [one, two.replace("99", "98"), ...rest]);
  assertEquals((await verifyAudit(disk)).findings, [
    "what is before line 3 of audit-000001.jsonl, which is number 1, was changed",
  ]);
});

Deno.test("the newest line is marked while the agent runs, so that a cut end is found after a kill", async () => {
  const disk = new MemoryDisk();
  const clock = new FakeClock();
  await using record = new AuditLog({
    open: () =>
      Promise.resolve(
        Object.assign(disk, { [Symbol.asyncDispose]: () => Promise.resolve() }),
      ),
    clock,
    counters: new Counters(),
  });
  for (const id of [1, 2]) await record.add(started(id));
  assertEquals((await verifyAudit(disk)).notes, [
    "head.json is missing, as in the first seconds of a record: a cut end would not be found",
  ]);
  await clock.advance(10_000);
  const killed = disk.copy();
  const [one = ""] = await linesIn(killed, 1);
  await put(killed, 1, [one]);
  assertEquals((await verifyAudit(killed)).findings, [
    "the end was cut: number 2 was written, and the last one is number 1",
  ]);
});

Deno.test("a damaged mark is found, and one from before the oldest file went is none", async () => {
  const disk = await tenLines();
  const bytes = await disk.read(HEAD_FILE, 0, 1_000);
  await disk.replace(HEAD_FILE, new Uint8Array([0x7b]));
  assertEquals((await verifyAudit(disk)).findings, ["head.json is damaged"]);
  const head = decodeHead(bytes) ?? { seq: 0, hash: "", first: 0 };
  await disk.replace(HEAD_FILE, encodeHead({ ...head, first: 4 }));
  assertEquals((await verifyAudit(disk)).findings, []);
});
