import { create } from "@bufbuild/protobuf";
import { assertEquals, assertThrows } from "@std/assert";
import { commandMessage, stateName } from "../../lib/api/command_message.ts";
import { PiriError } from "../../lib/base/errors.ts";
import type { CommandStateName } from "../../lib/base/command_state.ts";
import {
  CommandSchema,
  CommandState,
  OnDisconnect,
} from "../../proto/gen/piri/control/v1/control_pb.ts";
import { aCommand } from "../support/small_manager.ts";

const states: Record<CommandStateName, CommandState> = {
  queued: CommandState.QUEUED,
  sent: CommandState.SENT,
  running: CommandState.RUNNING,
  succeeded: CommandState.SUCCEEDED,
  failed: CommandState.FAILED,
  cancelled: CommandState.CANCELLED,
  "timed_out": CommandState.TIMED_OUT,
  refused: CommandState.REFUSED,
  lost: CommandState.LOST,
};

for (const [name, state] of Object.entries(states)) {
  Deno.test(`the state ${name} survives the API and back`, () => {
    const { state: shown } = commandMessage(
      aCommand({ state: name as CommandStateName }),
    );

    assertEquals(shown, state);
    assertEquals(stateName(state), name);
  });
}

Deno.test("other numbers are not states", () => {
  for (const state of [CommandState.UNSPECIFIED, 10 as CommandState]) {
    assertThrows(() => stateName(state), PiriError, "is not a state");
  }
});

Deno.test("unknown fields of a command are absent, not 0", () => {
  const message = commandMessage(aCommand({ id: 5n, createdAt: 9 }));

  assertEquals(
    message,
    create(CommandSchema, {
      id: 5n,
      agent: "web-1",
      operation: "echo.Echo",
      params: "{}",
      job: "job-1",
      state: CommandState.QUEUED,
      createdAtMs: 9n,
      onDisconnect: OnDisconnect.CONTINUE,
      outputKept: 0n,
    }),
  );
  assertEquals(
    [message.exitCode, message.sentAtMs, message.progress, message.reaped],
    [undefined, undefined, undefined, undefined],
  );
});

Deno.test("an ended command is shown whole, including zeros", () => {
  const message = commandMessage(aCommand({
    state: "failed",
    exitCode: 0,
    signal: "SIGTERM",
    createdAt: 1,
    sentAt: 2,
    startedAt: 3,
    finishedAt: 4,
    agentStartedAt: 5,
    agentFinishedAt: 0,
    stdoutHeld: 2n ** 53n,
    stderrHeld: 6n,
    outputKept: 5n,
    truncated: true,
    presumed: true,
    reason: "link lost",
    errorCode: "CANCELLED",
    changed: true,
    data: '{"a":1}',
    reapedSignalled: 2,
    reapedAlive: [17],
    stdoutSha256: new Uint8Array([1]),
    stderrSha256: new Uint8Array([2]),
    hashOfKept: true,
    requestedBy: "ada",
    cancelRequestedAt: 7,
    cancelRequestedBy: "ben",
    progressCurrent: 0,
    progressTotal: 9,
    progressMessage: "copying",
    timeoutMs: 60_000,
    unreachableSince: 8,
    rerunOf: 2n ** 62n,
    onDisconnect: "kill",
    killAfterMs: 0,
  }));

  assertEquals(
    message,
    create(CommandSchema, {
      id: 1n,
      agent: "web-1",
      operation: "echo.Echo",
      params: "{}",
      state: CommandState.FAILED,
      exitCode: 0,
      signal: "SIGTERM",
      createdAtMs: 1n,
      sentAtMs: 2n,
      startedAtMs: 3n,
      finishedAtMs: 4n,
      agentStartedAtMs: 5n,
      agentFinishedAtMs: 0n,
      stdoutBytes: 2n ** 53n,
      stderrBytes: 6n,
      stdoutSha256: new Uint8Array([1]),
      stderrSha256: new Uint8Array([2]),
      hashOfKept: true,
      outputKept: 5n,
      truncated: true,
      presumed: true,
      reason: "link lost",
      errorCode: "CANCELLED",
      changed: true,
      data: '{"a":1}',
      reaped: { signalled: 2, alive: [17] },
      job: "job-1",
      requestedBy: "ada",
      cancelRequestedAtMs: 7n,
      cancelRequestedBy: "ben",
      progress: { current: 0, total: 9, message: "copying" },
      timeoutMs: 60_000,
      unreachableSinceMs: 8n,
      rerunOf: 2n ** 62n,
      onDisconnect: OnDisconnect.KILL,
      killAfterMs: 0,
    }),
  );
});
