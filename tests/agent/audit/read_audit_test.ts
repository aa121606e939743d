import { assertEquals } from "@std/assert";
import { auditFile } from "../../../lib/agent/audit/audit_files.ts";
import {
  type AuditLine,
  decodeLine,
  encodeLine,
} from "../../../lib/agent/audit/audit_line.ts";
import { readAudit } from "../../../lib/agent/audit/read_audit.ts";
import { MemoryDisk } from "../../support/memory_disk.ts";

const KEY = { id: 2n ** 60n, nonce: 2n ** 64n - 1n, managerId: "m-1" };

const COMMAND = {
  ...KEY,
  operation: "command.Run",
  program: "/bin/ls",
  requestedBy: 'root (sudo: anna) "\n',
};

const ACCEPTED: AuditLine = { at: 1, event: "accepted", command: COMMAND };

const STARTED: AuditLine = { at: 3, event: "started", command: KEY };

const LINES: readonly AuditLine[] = [
  ACCEPTED,
  { at: 2, event: "refused", command: COMMAND, why: "busy" },
  STARTED,
  { at: 4, event: "cancelled", command: KEY, why: "the agent stops" },
  {
    at: 5,
    event: "ended",
    command: COMMAND,
    end: { state: "failed", exitCode: 3, signal: "SIGTERM", tookMs: 12 },
  },
  { at: 6, event: "ended", command: COMMAND, end: { state: "lost" } },
  { at: 7, event: "gap", missing: 2 },
];

/** A disk with these texts as its files. */
function diskOf(...texts: readonly string[]): MemoryDisk {
  const disk = new MemoryDisk();
  for (const [index, text] of texts.entries()) {
    disk.put(auditFile(index + 1), new TextEncoder().encode(text));
  }
  return disk;
}

Deno.test("each line is one line of text, and is read as it was written", () => {
  for (const line of LINES) {
    const text = encodeLine(line);

    assertEquals(text.indexOf("\n"), text.length - 1);
    assertEquals(decodeLine(text), line);
  }
});

Deno.test("a line says whether the agent allowed the command", () => {
  const decisions = LINES.slice(0, 3)
    .map((line) => JSON.parse(encodeLine(line)).decision);

  assertEquals(decisions, ["allowed", "refused", undefined]);
});

Deno.test("long texts of peers are cut", () => {
  const long = "x".repeat(100_000);
  const text = encodeLine({
    at: 1,
    event: "refused",
    command: {
      ...KEY,
      operation: long,
      program: long,
      requestedBy: long,
      managerId: long,
    },
    why: long,
  });

  assertEquals(text.length < 2_000, true);
});

Deno.test("fields and events of a later version are skipped without a word", async () => {
  const chained = { ...JSON.parse(encodeLine(ACCEPTED)), hash: "00", v: 2 };
  const later = { ...chained, event: "checkpoint" };
  const disk = diskOf(
    `${JSON.stringify(chained)}\n${JSON.stringify(later)}\n`,
  );

  assertEquals(await readAudit(disk), { lines: [ACCEPTED], troubles: [] });
});

Deno.test("files are read in the order of their numbers, and other files are not", async () => {
  const disk = diskOf(encodeLine(ACCEPTED));
  disk.put(
    auditFile(1_000_000),
    new TextEncoder().encode(encodeLine(STARTED)),
  );
  disk.put("lock", new TextEncoder().encode("x"));
  disk.put("audit-000001.jsonl.gz", new TextEncoder().encode("x"));

  const { lines, troubles } = await readAudit(disk);

  assertEquals(lines, [ACCEPTED, STARTED]);
  assertEquals(troubles, []);
});

Deno.test("a torn last line and lines that cannot be read are left out and told", async () => {
  const good = encodeLine(ACCEPTED);
  const disk = diskOf(
    `${good}\0\0\0\n{"at":"never","event":"started"}\n[]\n${good}`,
    `${good}${good.slice(0, 40)}`,
  );

  const { lines, troubles } = await readAudit(disk);

  assertEquals(lines.length, 3);
  assertEquals(troubles, [
    "3 lines of audit-000001.jsonl cannot be read and are left out",
    "the last line of audit-000002.jsonl is incomplete and is left out",
  ]);
});

Deno.test("a last line that only lacks its newline is read", async () => {
  const disk = diskOf(encodeLine(ACCEPTED).trimEnd());

  assertEquals(await readAudit(disk), { lines: [ACCEPTED], troubles: [] });
});

Deno.test("a file that goes while it is read is no trouble", async () => {
  const disk = diskOf(encodeLine(ACCEPTED));
  const listed = {
    list: () => Promise.resolve([auditFile(1), auditFile(2)]),
    size: (name: string) => disk.size(name),
    read: (name: string, offset: number, length: number) =>
      disk.read(name, offset, length),
  };

  assertEquals(await readAudit(listed), { lines: [ACCEPTED], troubles: [] });
});
