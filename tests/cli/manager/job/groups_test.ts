import { assertEquals } from "@std/assert";
import {
  CommandState,
  EntryState,
  type JobEntry,
} from "../../../../proto/gen/piri/control/v1/control_pb.ts";
import { blockHead } from "../../../../lib/cli/manager/job/block_text.ts";
import { groupsOf } from "../../../../lib/cli/manager/job/groups.ts";
import { job } from "../../fake_manager.ts";
import { failed, inOrder, ok, sha256, without } from "./entries.ts";

/** First lines of the blocks of these entries. */
function heads(entries: readonly JobEntry[]): string[] {
  return groupsOf(inOrder(entries)).map((group) => blockHead(group, job()));
}

for (
  const [what, entries, expected] of [
    ["nothing", [], []],
    [
      "equal output",
      [ok("web-1", "a"), ok("web-2", "a"), ok("web-3", "a")],
      ["web-[1-3] (3 agents, ok)"],
    ],
    [
      "different output, large groups first",
      [ok("a", "x"), ok("b", "y"), ok("c", "y")],
      ["b, c (2 agents, ok)", "a (ok)"],
    ],
    [
      "no output",
      [ok("web-1"), ok("web-2")],
      ["web-[1-2] (2 agents, ok, no output)"],
    ],
    [
      "different ends with equal output, failures last",
      [failed("a", 3, { stdout: "x" }), ok("b", "x")],
      ["b (ok)", "a (failed, exit code 3)"],
    ],
    [
      "different exit codes",
      [failed("a", 3), failed("b", 4), failed("c", 4)],
      [
        "b, c (2 agents, failed, exit code 4, no output)",
        "a (failed, exit code 3, no output)",
      ],
    ],
    [
      "the worst end last",
      [
        failed("lost", 0, { commandState: CommandState.LOST }),
        failed("late", 0, { commandState: CommandState.TIMED_OUT }),
        failed("bad", 1),
      ],
      [
        "bad (failed, exit code 1, no output)",
        "late (timed out, no output)",
        '"lost" (lost, no output)',
      ],
    ],
    [
      "different stderr",
      [
        ok("a", "x", { stderrBytes: 1n, stderrSha256: sha256("1") }),
        ok("b", "x", { stderrBytes: 1n, stderrSha256: sha256("2") }),
      ],
      ["a (ok)", "b (ok)"],
    ],
    [
      "equal output as far as kept",
      [ok("a", "x", { hashOfKept: true }), ok("b", "x", { hashOfKept: true })],
      ["a, b (2 agents, ok, equal as far as kept)"],
    ],
    [
      "whole output and output as far as kept",
      [ok("a", "x"), ok("b", "x", { hashOfKept: true })],
      ["a (ok)", "b (ok)"],
    ],
    [
      "output of another length, equal as far as kept",
      [
        ok("a", "x", { hashOfKept: true }),
        ok("b", "x", { hashOfKept: true, stdoutBytes: 9n }),
      ],
      ["a (ok)", "b (ok)"],
    ],
    [
      "output without hashes: each alone",
      [
        ok("a", "x", { stdoutSha256: new Uint8Array() }),
        ok("b", "x", { stdoutSha256: new Uint8Array() }),
      ],
      ["a (ok)", "b (ok)"],
    ],
    [
      "a reason that all have, and reasons that differ",
      [
        failed("a", 0, { reason: "no such program" }),
        failed("b", 0, { reason: "no such program" }),
        failed("c", 0, { signal: "SIGKILL", reason: "one" }),
        failed("d", 0, { signal: "SIGKILL", reason: "other" }),
      ],
      [
        "a, b (2 agents, failed: no such program, no output)",
        "c, d (2 agents, failed, SIGKILL, no output)",
      ],
    ],
    [
      "agents without a command: no block",
      [without("a", EntryState.UNREACHABLE), without("b", EntryState.SKIPPED)],
      [],
    ],
  ] as const
) {
  Deno.test(`blocks for ${what}`, () => {
    assertEquals(heads(entries), [...expected]);
  });
}

Deno.test("10,000 agents of which 10 print something else are 11 blocks", () => {
  const entries = Array.from(
    { length: 10_000 },
    (_, index) => ok(`n${index}`, index % 1_000 === 7 ? `${index}` : "same"),
  );
  const groups = groupsOf(inOrder(entries));

  assertEquals(groups.length, 11);
  assertEquals(groups[0]?.entries.length, 9_990);
});
