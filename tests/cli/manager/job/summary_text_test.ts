import { assertEquals } from "@std/assert";
import {
  CommandState,
  EntryState,
  JobState,
} from "../../../../proto/gen/piri/control/v1/control_pb.ts";
import { headLine } from "../../../../lib/cli/manager/job/head_line.ts";
import { markdownText } from "../../../../lib/cli/manager/job/markdown.ts";
import { summaryLines } from "../../../../lib/cli/manager/job/summary_text.ts";
import { job } from "../../fake_manager.ts";
import { boardOf, failed, ok, without } from "./entries.ts";

const MIXED = [
  ok("web-1"),
  ok("web-2"),
  failed("web-3"),
  failed("db-1", 0, { commandState: CommandState.TIMED_OUT }),
  without("web-4", EntryState.UNREACHABLE, "it is not connected"),
  without("web-5", EntryState.UNREACHABLE, "it is not connected"),
  without("web-6", EntryState.SKIPPED, "the limit was reached"),
];

Deno.test("a summary counts all, and names those that did not do it with their reasons", () => {
  assertEquals(
    summaryLines(boardOf(MIXED, { state: JobState.FAILED }), {
      elapsedMs: 41_000,
    }),
    [
      "j-17: 2 ok, 1 failed, 1 timed out, 2 unreachable, 1 skipped in 41 s",
      "  failed: web-3",
      "  timed out: db-1",
      "  unreachable: web-[4-5] (it is not connected)",
      "  skipped: web-6 (the limit was reached)",
      "hint: piri-manager job rerun j-17 --failed",
    ],
  );
});

Deno.test("a summary of success is one line", () => {
  assertEquals(
    summaryLines(boardOf([ok("web-1")], { state: JobState.SUCCEEDED }), {
      elapsedMs: 500,
    }),
    ["j-17: 1 ok in 500 ms"],
  );
});

for (
  const [state, end] of [
    [JobState.STOPPED, "; stopped: 3 have failed"],
    [JobState.CANCELLED, "; cancelled: 3 have failed"],
    [JobState.EXPIRED, "; its deadline passed: 3 have failed"],
    [JobState.FAILED, ""],
  ] as const
) {
  Deno.test(`a summary tells the end of a job that is ${JobState[state]}`, () => {
    const board = boardOf([ok("a")], { state, reason: "3 have failed" });

    assertEquals(
      summaryLines(board, { elapsedMs: 1_000 })[0],
      `j-17: 1 ok in 1 s${end}`,
    );
  });
}

Deno.test("a summary has no control characters of reasons", () => {
  const board = boardOf([
    without("a", EntryState.REFUSED, "no\x1b[2J\nway"),
  ]);

  assertEquals(
    summaryLines(board, { elapsedMs: 0 }),
    ["j-17: 1 refused in 0 ms", "  refused: a (no\\x1b[2J way)"],
  );
});

Deno.test("the head line tells what runs, on whom, and the limits", () => {
  const limits: NonNullable<Parameters<typeof job>[0]>["limits"] = {
    batch: { share: { case: "percent", value: 10 } },
    canaryTargets: ["@canary"],
    maxFailures: { share: { case: "count", value: 3 } },
    pauseMs: 30_000n,
    deadlineMs: 3_600_000n,
    queueMs: 60_000n,
  };

  assertEquals(
    headLine(job({ limits, counts: { total: 200 }, timeoutMs: 5_000 })),
    "j-17: true on web-* (200 agents), canary @canary, 10% at a time, pause 30 s, " +
      "stops at 3 failures, deadline 1 h, queued for 1 min, timeout 5 s",
  );
  assertEquals(
    headLine(job({ counts: { total: 1 } })),
    "j-17: true on web-* (1 agent)",
  );
  for (
    const [share, text] of [
      [{ case: "count", value: 1 }, "1 failure"],
      [{ case: "percent", value: 1 }, "1% failures"],
    ] as const
  ) {
    assertEquals(
      headLine(job({ limits: { maxFailures: { share } }, counts: {} }))
        .split("stops at ")[1],
      text,
    );
  }
});

Deno.test("a summary in Markdown has a row for each state, and the failures", () => {
  const board = boardOf(MIXED, {
    name: "deploy|1",
    state: JobState.FAILED,
    finishedAtMs: BigInt(Date.UTC(2026, 0, 1, 0, 0, 41)),
  });

  assertEquals(
    markdownText(board, { now: 0 }),
    `### deploy\\|1 (j-17): 2 ok, 1 failed, 1 timed out, 2 unreachable, 1 skipped

\`true\` on \`web-*\`, 41 s

| State | Agents | Names | Reason |
| --- | ---: | --- | --- |
| ok | 2 | \`web-[1-2]\` |  |
| failed | 1 | \`web-3\` |  |
| timed out | 1 | \`db-1\` |  |
| unreachable | 2 | \`web-[4-5]\` | it is not connected |
| skipped | 1 | \`web-6\` | the limit was reached |

- \`web-3\`: failed, exit code 1
- \`db-1\`: timed out
`,
  );
});
