import { assertEquals } from "@std/assert";
import { EntryState } from "../../../../proto/gen/piri/control/v1/control_pb.ts";
import {
  elapsedText,
  statusLine,
} from "../../../../lib/cli/manager/job/status_line.ts";
import { CommandState } from "../../../../proto/gen/piri/control/v1/control_pb.ts";
import { boardOf, failed, ok, without } from "./entries.ts";

const RUNNING = { commandState: CommandState.RUNNING };
const board = boardOf([
  failed("a", 0, RUNNING),
  failed("b", 0, RUNNING),
  failed("c", 0, { ...RUNNING, unreachableSinceMs: 1n }),
  ok("d"),
  failed("e"),
  failed("f", 0, { commandState: CommandState.LOST }),
  without("g", EntryState.UNREACHABLE),
  without("h", EntryState.QUEUED),
  without("i", EntryState.WAITING),
  without("j", EntryState.SKIPPED),
]);
const status = {
  tally: board.tally,
  cutOff: board.cutOff,
  isPaused: false,
  elapsedMs: 41_900,
};

for (
  const [columns, line] of [
    [
      79,
      "running 2  ok 1  failed 2  away 3  waiting 1  not done 1   00:41",
    ],
    [60, "running 2  ok 1  failed 2  away 3  waiting 1   00:41"],
    [41, "running 2  ok 1  failed 2  away 3   00:41"],
    [40, "running 2  ok 1  failed 2   00:41"],
    [30, "running 2  ok 1   00:41"],
    [18, "running 2   00:41"],
    [9, "running 2"],
    [5, "runn…"],
  ] as const
) {
  Deno.test(`a status line of ${columns} columns keeps the most urgent`, () => {
    assertEquals(statusLine(status, columns), line);
  });
}

Deno.test("a status line says that its job is paused, and leaves out what is zero", () => {
  const { tally, cutOff } = boardOf([without("a", EntryState.WAITING)]);

  assertEquals(
    statusLine({ tally, cutOff, isPaused: true, elapsedMs: 0 }, 80),
    "paused  running 0  ok 0  waiting 1   00:00",
  );
});

Deno.test("elapsed times have hours only if there are any", () => {
  assertEquals(
    [0, 59_999, 60_000, 3_599_999, 3_723_000].map(elapsedText),
    ["00:00", "00:59", "01:00", "59:59", "1:02:03"],
  );
});
