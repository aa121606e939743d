import { createHash } from "node:crypto";
import { assertEquals } from "@std/assert";
import { OpenCommand } from "../../../lib/manager/command/open_command.ts";
import { changeBy } from "../../../lib/manager/command/lifecycle.ts";
import { outcomeOf } from "../../../lib/manager/command/result.ts";
import {
  CommandResult_Status,
  createCommandResult,
} from "../../../proto/gen/piri/agent/v1/agent_messages.ts";
import { FakeClock } from "../../support/fake_clock.ts";
import type { Init } from "../../support/scripted_peer.ts";
import { aCommand } from "../../support/small_manager.ts";

/** Change that a result makes to a running command. */
function patchOf(
  result: Init<"result">,
  { hasOutput = true, known = {} }: {
    hasOutput?: boolean;
    known?: Parameters<typeof aCommand>[0];
  } = {},
) {
  const command = new OpenCommand(
    aCommand({ state: "running", startedAt: 2_000, ...known }),
    new FakeClock(),
  );
  const outcome = outcomeOf(command, createCommandResult(result), {
    at: 9_000,
    hasOutput,
  });
  const patch = changeBy(command, "result", { outcome });
  return { ...outcome, ...patch };
}

const states: Readonly<Record<number, string>> = {
  [CommandResult_Status.UNSPECIFIED]: "failed",
  [CommandResult_Status.SUCCESS]: "succeeded",
  [CommandResult_Status.FAILED]: "failed",
  [CommandResult_Status.CANCELLED]: "cancelled",
  [CommandResult_Status.TIMED_OUT]: "timed_out",
  [CommandResult_Status.REFUSED]: "refused",
  [CommandResult_Status.LOST]: "lost",
};
for (const [status, state] of Object.entries(states)) {
  Deno.test(`a result of status ${status} means ${state}, and no presumption`, () => {
    const patch = patchOf({ status: Number(status), output: "why" });
    assertEquals([patch.state, patch.presumed, patch.reason], [
      state,
      false,
      "why",
    ]);
  });
}

Deno.test("an unknown status means failed, with its number in the text", () => {
  const { state, reason } = patchOf({
    status: 42 as CommandResult_Status,
    output: "why",
  });
  assertEquals([state, reason], [
    "failed",
    "why (the agent reports status 42, which is not known here)",
  ]);
});

Deno.test("the text of a result is no reason when the agent lacks the output feature", () => {
  assertEquals(patchOf({ output: "printed" }, { hasOutput: false }).reason, "");
});

Deno.test("an exit code of 0 is a value, and an empty signal is none", () => {
  const some = patchOf({ exitCode: 0, signal: "SIGTERM" });
  assertEquals([some.exitCode, some.signal], [0, "SIGTERM"]);
  const none = patchOf({});
  assertEquals([none.exitCode, none.signal], [null, null]);
});

Deno.test("the agent's times are kept beside the Manager's own", () => {
  const patch = patchOf({ startedAtMs: 5n, finishedAtMs: 6n });
  assertEquals(
    [
      patch.agentStartedAt,
      patch.agentFinishedAt,
      patch.startedAt,
      patch.finishedAt,
    ],
    [5, 6, 2_000, 9_000],
  );
  const never = patchOf({}, { known: { startedAt: null, state: "sent" } });
  assertEquals([never.agentStartedAt, never.startedAt], [null, null]);
  const unseen = patchOf({ startedAtMs: 5n }, {
    known: { startedAt: null, state: "sent" },
  });
  assertEquals(unseen.startedAt, 9_000);
});

Deno.test("output that did not arrive is marked as missing", () => {
  const known = { stdoutHeld: 10n, stderrHeld: 4n };
  const whole = patchOf({ stdoutBytes: 10n, stderrBytes: 4n }, { known });
  assertEquals([whole.truncated, whole.stdoutHeld, whole.stderrHeld], [
    false,
    10n,
    4n,
  ]);
  const part = patchOf({ stdoutBytes: 10n, stderrBytes: 5n }, { known });
  assertEquals([part.truncated, part.stderrHeld], [true, 5n]);
  // A total below the received bytes is not believed.
  assertEquals(patchOf({}, { known }).stdoutHeld, 10n);
});

Deno.test("output stays marked if it was cut already or the result says so", () => {
  assertEquals(patchOf({ truncated: true }).truncated, true);
  assertEquals(patchOf({}, { known: { truncated: true } }).truncated, true);
});

const data: readonly [string, string | null, string][] = [
  ["", null, ""],
  ['{"errorCode":"NOT_STARTED"}', '{"errorCode":"NOT_STARTED"}', "NOT_STARTED"],
  ['{"errorCode":7}', '{"errorCode":7}', ""],
  ['{"n":1}', '{"n":1}', ""],
  ["[1]", "[1]", ""],
  ["null", "null", ""],
  ["{oops", null, ""],
];
for (const [text, json, errorCode] of data) {
  Deno.test(`the structured outcome ${text || "that is missing"} is read as far as possible`, () => {
    const patch = patchOf({ data: new TextEncoder().encode(text) });
    assertEquals([patch.data, patch.errorCode], [json, errorCode]);
  });
}

Deno.test("a reason is recorded for a structured outcome that is left out", () => {
  const deep = (depth: number) => `${"[".repeat(depth)}${"]".repeat(depth)}`;
  const outcomes: [data: string, reason: string][] = [
    [deep(64), "done"],
    [
      deep(65),
      "done (its data were left out: they are nested deeper than 64, which is the limit)",
    ],
    ["{oops", "done (its data were left out: they are not JSON)"],
  ];
  for (const [text, reason] of outcomes) {
    const data = new TextEncoder().encode(text);
    const patch = patchOf({ output: "done", data });
    assertEquals(patch.reason, reason);
    assertEquals([patch.data === null, patch.truncated], [
      reason !== "done",
      reason !== "done",
    ]);
  }
});

Deno.test("a result's receipt of processes is kept", () => {
  const { reapedSignalled, reapedAlive } = patchOf({
    reaped: { signalled: 3, alive: [7, 8] },
  });
  assertEquals([reapedSignalled, reapedAlive], [3, [7, 8]]);
  const none = patchOf({});
  assertEquals([none.reapedSignalled, none.reapedAlive], [null, []]);
});

Deno.test("fields beyond the limits of a result are cut", () => {
  const patch = patchOf({
    output: "é".repeat(20_000),
    data: new TextEncoder().encode(JSON.stringify("x".repeat(140_000))),
    reaped: {
      signalled: 500,
      alive: Array.from({ length: 500 }, (_, pid) => pid),
    },
  });

  assertEquals(
    patch.reason,
    "é".repeat(8_192) +
      " (its data were left out: 140002 bytes are over the limit of 131072)",
  );
  assertEquals([patch.data, patch.truncated], [null, true]);
  assertEquals(patch.reapedAlive?.length, 100);
});

const NOTHING = new Uint8Array(createHash("sha256").digest());

Deno.test("a result tells the hash of each stream, and that of nothing need not be told", () => {
  const stdoutSha256 = new Uint8Array(32).fill(7);

  const told = patchOf({ stdoutBytes: 10n, stdoutSha256 });
  const silent = patchOf({ status: CommandResult_Status.REFUSED });

  assertEquals(
    [told.stdoutSha256, told.stderrSha256, told.hashOfKept],
    [stdoutSha256, NOTHING, false],
  );
  assertEquals([silent.stdoutSha256, silent.stderrSha256], [NOTHING, NOTHING]);
});

Deno.test("a hash stays unknown if none is told, if it has another length, or if the program was lost", () => {
  const untold = patchOf({ stdoutBytes: 1n, stderrBytes: 1n });
  const short = patchOf({ stdoutBytes: 1n, stdoutSha256: new Uint8Array(31) });
  const lost = patchOf({ status: CommandResult_Status.LOST });
  const received = patchOf({}, { known: { stdoutHeld: 1n } });

  assertEquals([untold.stdoutSha256, untold.stderrSha256], [null, null]);
  assertEquals(short.stdoutSha256, null);
  assertEquals([lost.stdoutSha256, lost.stderrSha256], [null, null]);
  assertEquals(received.stdoutSha256, null);
});

Deno.test("a hash that is told has memory of its own, not that of a whole frame", () => {
  const frame = new Uint8Array(100_000);
  const stdoutSha256 = frame.subarray(50, 82);

  const told = patchOf({ stdoutBytes: 1n, stdoutSha256 }).stdoutSha256;

  assertEquals(told?.buffer.byteLength, 32);
});

Deno.test("a result tells how often a secret was masked, as far as the API can", () => {
  assertEquals(patchOf({ masked: 3n }).masked, 3);
  assertEquals(patchOf({ masked: 2n ** 64n - 1n }).masked, 0xffffffff);
  assertEquals(patchOf({}).masked, 0);
});
