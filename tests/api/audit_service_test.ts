import { assertEquals } from "@std/assert";
import type { AuditRecord } from "../../lib/store/audit_records.ts";
import { aVerdict } from "../support/small_manager.ts";
import { all, refusal, startControl } from "../support/control.ts";

const ENTRY: AuditRecord = {
  id: 7n,
  at: 1_000,
  who: "root",
  credential: "socket",
  origin: "local",
  act: "StartJob",
  target: "@web",
  operation: "command.Run",
  decision: "allowed",
  rule: "",
  statement: new Uint8Array(32).fill(1),
  outcome: "job j-1, 2 agents",
  note: "anna",
  hash: new Uint8Array(32).fill(2),
};

const SHOWN = {
  id: 7n,
  atMs: 1_000n,
  who: "root",
  credential: "socket",
  from: "local",
  act: "StartJob",
  on: "@web",
  operation: "command.Run",
  decision: "allowed",
  rule: "",
  statement: new Uint8Array(32).fill(1),
  outcome: "job j-1, 2 agents",
  note: "anna",
  hash: new Uint8Array(32).fill(2),
};

Deno.test("ListAudit passes its filters on, and leaves out what is empty", async () => {
  await using fleet = await startControl();
  fleet.manager.auditEntries.push(ENTRY);
  const { audit } = fleet.control;

  const { entries } = await audit.listAudit({
    limit: 7,
    beforeId: 9n,
    who: "root",
    act: "Run",
    on: "web-1",
    sinceMs: 5n,
  });
  await audit.listAudit({});

  assertEquals(entries.map((entry) => ({ ...entry })), [SHOWN] as unknown[]);
  assertEquals(fleet.manager.asked, [
    {
      limit: 7,
      beforeId: 9n,
      who: "root",
      act: "Run",
      target: "web-1",
      since: 5,
    },
    {
      limit: 100,
      beforeId: undefined,
      who: undefined,
      act: undefined,
      target: undefined,
      since: undefined,
    },
  ]);
});

Deno.test("ExportAudit streams entries from the first one by default", async () => {
  await using fleet = await startControl();
  fleet.manager.auditEntries.push({ ...ENTRY, statement: null });

  const told = await all(fleet.control.audit.exportAudit({}));
  await all(fleet.control.audit.exportAudit({ fromId: 7n, follow: true }));

  assertEquals(told.map(({ entry }) => entry?.id), [7n]);
  assertEquals(told[0]?.entry?.statement, undefined);
  assertEquals(fleet.manager.asked, [
    { fromId: 1n, follow: false },
    { fromId: 7n, follow: true },
  ]);
});

Deno.test("VerifyAudit tells the count, and the first mistake", async () => {
  await using fleet = await startControl();
  fleet.manager.verdict = aVerdict({ count: 3n });
  const whole = await fleet.control.audit.verifyAudit({});
  const finding = { id: 4n, kind: "cut", message: "the end" } as const;
  fleet.manager.verdict = aVerdict({ count: 3n, finding });
  const broken = await fleet.control.audit.verifyAudit({});

  assertEquals([whole.count, whole.finding], [3n, undefined]);
  const { id, kind, message } = { ...finding, ...broken.finding };
  assertEquals({ id, kind, message }, finding);
});

Deno.test("wrong fields of the audit's requests are refused", async () => {
  await using fleet = await startControl();
  const { audit } = fleet.control;

  assertEquals(
    await Promise.all([
      refusal(audit.listAudit({ limit: 1_001 })),
      refusal(audit.listAudit({ beforeId: 0n })),
      refusal(audit.listAudit({ who: "x".repeat(101) })),
      refusal(all(audit.exportAudit({ fromId: -1n }))),
    ]).then((refusals) => refusals.map(({ message }) => message)),
    [
      'Cannot accept "limit": 1001 is not from 1 to 1000',
      'Cannot accept "before_id": 0 is not an id',
      'Cannot accept "who": it has 101 characters, and the limit is 100',
      'Cannot accept "from_id": -1 is not an id',
    ],
  );
});
