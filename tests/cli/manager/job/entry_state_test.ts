import { assertEquals } from "@std/assert";
import {
  CommandState,
  EntryState,
  JobState,
} from "../../../../proto/gen/piri/control/v1/control_pb.ts";
import {
  exitCodeOfEntry,
  exitCodeOfJob,
  labelOf,
} from "../../../../lib/cli/manager/job/entry_state.ts";
import { failed, ok, without } from "./entries.ts";

const ENDS = [
  ["succeeded", ok("a"), 0],
  ["failed", failed("a", 3), 1],
  ["cancelled", failed("a", 0, { commandState: CommandState.CANCELLED }), 7],
  ["timed_out", failed("a", 0, { commandState: CommandState.TIMED_OUT }), 6],
  ["refused", failed("a", 0, { commandState: CommandState.REFUSED }), 4],
  ["lost", failed("a", 0, { commandState: CommandState.LOST }), 8],
  ["unreachable", without("a", EntryState.UNREACHABLE), 3],
  ["expired", without("a", EntryState.EXPIRED), 3],
  ["skipped", without("a", EntryState.SKIPPED), 7],
  ["superseded", without("a", EntryState.SUPERSEDED), 7],
  ["refused", without("a", EntryState.REFUSED), 4],
  ["lost", without("a", EntryState.LOST), 8],
] as const;

for (const [label, entry, code] of ENDS) {
  const kind = entry.commandId === undefined ? "an entry" : "a command";
  Deno.test(`${kind} that is ${label} gives the exit code ${code}`, () => {
    assertEquals([labelOf(entry), exitCodeOfEntry(entry)], [label, code]);
    assertEquals(
      exitCodeOfJob({ state: JobState.RUNNING }, [ok("b"), entry]),
      code,
    );
  });
}

Deno.test("entries that have not ended have no part in the exit code", () => {
  const open = [
    without("a", EntryState.WAITING),
    without("b", EntryState.QUEUED),
    failed("c", 0, { commandState: CommandState.RUNNING }),
    failed("d", 0, { commandState: CommandState.SENT }),
  ];

  assertEquals(open.map(labelOf), ["waiting", "queued", "running", "running"]);
  assertEquals(exitCodeOfJob({ state: JobState.RUNNING }, open), 0);
});

for (
  const [state, entries, code] of [
    [JobState.SUCCEEDED, [ok("a")], 0],
    [JobState.FAILED, [ok("a")], 1],
    [JobState.FAILED, [without("a", EntryState.UNREACHABLE)], 3],
    [JobState.CANCELLED, [ok("a"), without("b", EntryState.SKIPPED)], 7],
    [JobState.EXPIRED, [ok("a"), without("b", EntryState.SKIPPED)], 6],
    [
      JobState.STOPPED,
      [failed("a"), without("b", EntryState.SKIPPED)],
      9,
    ],
    [
      JobState.STOPPED,
      [failed("a", 0, { commandState: CommandState.LOST })],
      8,
    ],
    [
      JobState.STOPPED,
      [failed("a", 0, { commandState: CommandState.TIMED_OUT })],
      9,
    ],
  ] as const
) {
  const labels = entries.map(labelOf).join(", ");
  Deno.test(`a job that is ${JobState[state]} with ${labels} gives ${code}`, () => {
    assertEquals(exitCodeOfJob({ state }, entries), code);
  });
}

Deno.test("the exit code for many is the first of 8, 9, 6, 4, 7, 3, 1", () => {
  const order = [
    "lost",
    "timed_out",
    "refused",
    "cancelled",
    "unreachable",
    "failed",
  ];
  const entries = order.flatMap((label) => {
    const [, entry] = ENDS.find(([name]) => name === label) ?? [];
    return entry ?? [];
  });
  const codes = entries.map((_, index) =>
    exitCodeOfJob({ state: JobState.RUNNING }, entries.slice(index))
  );

  assertEquals(codes, [8, 6, 4, 7, 3, 1]);
});
