import { cutText } from "../../../lib/base/text.ts";
import { assertEquals, assertMatch } from "@std/assert";
import {
  lostResult,
  refusalOf,
  resultOf,
  shrunkResult,
} from "../../../lib/agent/runner/result.ts";
import type { StopReason } from "../../../lib/agent/runner/stopping.ts";
import type { WorkOutcome } from "../../../lib/agent/workers/workers.ts";
import { CommandResult_Status } from "../../../proto/gen/piri/agent/v1/agent_messages.ts";
import { SUCCEEDED } from "../../support/fake_workers.ts";

const { SUCCESS, FAILED, CANCELLED, TIMED_OUT, REFUSED, LOST } =
  CommandResult_Status;

/** Result of a command with this outcome. */
function result(outcome: Partial<WorkOutcome>, asked?: StopReason) {
  return resultOf({ ...SUCCEEDED, ...outcome }, {
    commandId: 5n,
    asked,
    startedAt: 1_000.4,
    finishedAt: 2_000.6,
    stdoutBytes: 10n,
    stderrBytes: 20n,
  });
}

/** Count of bytes in UTF-8. */
function bytesOf(text: string): number {
  return new TextEncoder().encode(text).length;
}

Deno.test("a result has the outcome, the counts and the host's times", () => {
  const told = result({ exitCode: 0, changed: true, message: "done" });
  assertEquals(
    [
      told.commandId,
      told.status,
      told.exitCode,
      told.changed,
      told.output,
      told.startedAtMs,
      told.finishedAtMs,
      told.stdoutBytes,
      told.stderrBytes,
      told.truncated,
    ],
    [5n, SUCCESS, 0, true, "done", 1_000n, 2_001n, 10n, 20n, false],
  );
  assertEquals(result({ success: false }).status, FAILED);
  assertEquals(result({}).exitCode, undefined);
});

const asked: readonly [StopReason, CommandResult_Status, string][] = [
  ["cancelled", CANCELLED, "why"],
  ["timedOut", TIMED_OUT, "why"],
  ["linkLost", CANCELLED, "link lost: why"],
  ["agentStopped", FAILED, "agent stopped: why"],
];
for (const [reason, status, output] of asked) {
  Deno.test(`an end that was asked for as ${reason} is named so, with the exit code`, () => {
    const told = result({ success: true, exitCode: 4, message: "why" }, reason);
    assertEquals([told.status, told.output, told.exitCode], [
      status,
      output,
      4,
    ]);
  });
}

Deno.test("text is cut at 16 KiB, between two characters, and marked", () => {
  const exact = result({ message: "x".repeat(16_384) });
  assertEquals([exact.output.length, exact.truncated], [16_384, false]);
  const long = result({ message: `x${"ä".repeat(16_384)}` });
  assertEquals([bytesOf(long.output), long.truncated], [16_383, true]);
  assertMatch(long.output, /^xä+$/);
});

Deno.test("a character of four bytes is not cut in two", () => {
  assertEquals(cutText("ab😀", 5), "ab");
  assertEquals(cutText("ab😀", 6), "ab😀");
  assertEquals(cutText("", 0), "");
});

Deno.test("a structured outcome over 128 KiB is left out, and marked", () => {
  const fits = result({ data: { text: "x".repeat(131_000) } });
  assertEquals([fits.data.length > 131_000, fits.truncated], [true, false]);
  const large = result({ data: { text: "x".repeat(131_072) } });
  assertEquals([large.data.length, large.truncated], [0, true]);
});

Deno.test("the code of an error is in the structured outcome", () => {
  const text = (outcome: Partial<WorkOutcome>) =>
    new TextDecoder().decode(result(outcome).data);
  assertEquals(
    text({ errorCode: "NOT_STARTED" }),
    '{"errorCode":"NOT_STARTED"}',
  );
  assertEquals(
    text({ data: { n: 1 }, errorCode: "DISK" }),
    '{"n":1,"errorCode":"DISK"}',
  );
  assertEquals(text({ data: { n: 1 } }), '{"n":1}');
  assertEquals(text({}), "");
});

Deno.test("a receipt lists 100 process ids, and says if there were more", () => {
  const alive = Array.from({ length: 101 }, (_, i) => i + 1);
  const some = result({ reaped: { signalled: 300, alive: alive.slice(1) } });
  assertEquals(
    [some.reaped?.signalled, some.reaped?.alive.length, some.truncated],
    [300, 100, false],
  );
  const more = result({ reaped: { signalled: 300, alive } });
  assertEquals([more.reaped?.alive.length, more.truncated], [100, true]);
  assertEquals(result({}).reaped, undefined);
});

Deno.test("a refusal says why, with a code", () => {
  const told = refusalOf(5n, "BUSY", "x".repeat(20_000));
  assertEquals([told.commandId, told.status, told.output.length], [
    5n,
    REFUSED,
    16_384,
  ]);
  assertEquals(new TextDecoder().decode(told.data), '{"errorCode":"BUSY"}');
});

Deno.test("a lost command reports its output and the processes that were ended", () => {
  const told = lostResult(
    { commandId: 5n, finishedAt: 1_000, stdoutBytes: 1n, stderrBytes: 2n },
    { signalled: 1, alive: [9] },
  );
  assertEquals(
    [told.status, told.stdoutBytes, told.stderrBytes, told.reaped?.alive],
    [LOST, 1n, 2n, [9]],
  );
});

Deno.test("a result has the hashes of the output that are known, also when it takes too much room", () => {
  const stdout = new Uint8Array(32).fill(7);
  const whole = result({ printed: { stdout } });
  for (const told of [whole, shrunkResult(whole)]) {
    assertEquals(
      [told.stdoutSha256, told.stderrSha256],
      [stdout, new Uint8Array()],
    );
  }
  assertEquals(result({}).stdoutSha256, new Uint8Array());
});

Deno.test("a result that takes too much room keeps its id, status, exit code and times", () => {
  const { output, data, reaped, ...shrunk } = shrunkResult(result({
    success: false,
    exitCode: 3,
    signal: "SIGTERM",
    message: "long",
    data: { n: 1 },
    reaped: { signalled: 1, alive: [] },
  }));
  assertEquals([output, data.length, reaped], ["", 0, undefined]);
  assertEquals(
    [
      shrunk.commandId,
      shrunk.status,
      shrunk.exitCode,
      shrunk.signal,
      shrunk.finishedAtMs,
      shrunk.stdoutBytes,
      shrunk.truncated,
    ],
    [5n, FAILED, 3, "SIGTERM", 2_001n, 10n, true],
  );
});

Deno.test("a result has the count of masked places, also when it takes too much room", () => {
  const whole = result({ masked: 3 });
  assertEquals([whole.masked, shrunkResult(whole).masked], [3n, 3n]);
  assertEquals(result({}).masked, 0n);
});
