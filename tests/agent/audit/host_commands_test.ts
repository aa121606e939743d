import { assertEquals } from "@std/assert";
import type { AuditLine } from "../../../lib/agent/audit/audit_line.ts";
import { hostCommands } from "../../../lib/agent/audit/host_commands.ts";

function key(id: bigint, managerId = "m-1") {
  return { id, nonce: 7n, managerId };
}

function command(id: bigint, managerId = "m-1") {
  return {
    ...key(id, managerId),
    operation: "command.Run",
    program: "ls",
    requestedBy: "anna",
  };
}

/** Id, state, reason, exit code and times of each command. */
function told(lines: readonly AuditLine[]): unknown[] {
  return hostCommands(lines).map((it) => [
    it.id,
    it.state,
    it.why,
    it.exitCode,
    [it.acceptedAt, it.startedAt, it.cancelledAt, it.finishedAt],
  ]);
}

Deno.test("the lines of a command are put together, among those of others", () => {
  assertEquals(
    told([
      { at: 1, event: "accepted", command: command(1n) },
      { at: 2, event: "accepted", command: command(2n) },
      { at: 3, event: "started", command: key(1n) },
      { at: 4, event: "started", command: key(2n) },
      { at: 5, event: "cancelled", command: key(1n), why: "the agent stops" },
      {
        at: 6,
        event: "ended",
        command: command(2n),
        end: { state: "failed", exitCode: 3 },
      },
    ]),
    [
      [1n, "running", "the agent stops", undefined, [1, 3, 5, undefined]],
      [2n, "failed", "", 3, [2, 4, undefined, 6]],
    ],
  );
});

Deno.test("a command whose first lines are gone is told by its last one", () => {
  const [found] = hostCommands([
    { at: 6, event: "ended", command: command(2n), end: { state: "lost" } },
  ]);

  assertEquals(
    [found?.operation, found?.program, found?.requestedBy, found?.state],
    ["command.Run", "ls", "anna", "lost"],
  );
});

Deno.test("commands of two Managers with one id, and a repeated id of a legacy Manager, are told apart", () => {
  assertEquals(
    told([
      { at: 1, event: "accepted", command: command(1n, "m-1") },
      { at: 2, event: "accepted", command: command(1n, "m-2") },
      { at: 3, event: "started", command: key(1n, "m-1") },
      { at: 4, event: "accepted", command: command(1n, "m-1") },
    ]).length,
    3,
  );
});

Deno.test("a command that is accepted and then refused is one, and a later refusal another", () => {
  assertEquals(
    told([
      { at: 1, event: "accepted", command: command(1n) },
      { at: 2, event: "refused", command: command(1n), why: "it stops" },
      { at: 3, event: "refused", command: command(1n), why: "known" },
    ]),
    [
      [1n, "refused", "it stops", undefined, [1, undefined, undefined, 2]],
      [1n, "refused", "known", undefined, [
        undefined,
        undefined,
        undefined,
        3,
      ]],
    ],
  );
});

Deno.test("a gap hides no command", () => {
  assertEquals(
    told([
      { at: 1, event: "gap", missing: 2 },
      { at: 3, event: "started", command: key(1n) },
    ]),
    [[1n, "running", "", undefined, [undefined, 3, undefined, undefined]]],
  );
});
