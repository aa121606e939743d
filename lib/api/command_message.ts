import { create } from "@bufbuild/protobuf";
import {
  type Command,
  CommandSchema,
  CommandState,
  OnDisconnect,
} from "../../proto/gen/piri/control/v1/control_pb.ts";
import type { CommandView } from "../manager/api/operator_api.ts";
import type { CommandStateName } from "../base/command_state.ts";
import { invalid } from "./checks.ts";
import { milliseconds, optional, timestamp } from "./values.ts";

const states: Readonly<Record<CommandStateName, CommandState>> = {
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

const stateNames = new Map<CommandState, CommandStateName>(
  Object.entries(states).map((
    [name, state],
  ) => [state, name as CommandStateName]),
);

/**
 * Name of a state by its number.
 *
 * @throws {PiriError} INVALID_ARGUMENT
 */
export function stateName(state: CommandState): CommandStateName {
  const name = stateNames.get(state);
  if (name === undefined) throw invalid("states", `${state} is not a state`);
  return name;
}

/** Number of a state. */
export function stateNumber(state: CommandStateName): CommandState {
  return states[state];
}

/** A command as a message of the API. */
export function commandMessage(command: CommandView): Command {
  return create(CommandSchema, {
    id: command.id,
    agent: command.agent,
    operation: command.operation,
    params: command.params,
    state: states[command.state],
    ...optional("exitCode", command.exitCode),
    signal: command.signal ?? "",
    createdAtMs: milliseconds(command.createdAt),
    ...timestamp("sentAtMs", command.sentAt),
    ...timestamp("startedAtMs", command.startedAt),
    ...timestamp("finishedAtMs", command.finishedAt),
    ...timestamp("agentStartedAtMs", command.agentStartedAt),
    ...timestamp("agentFinishedAtMs", command.agentFinishedAt),
    stdoutBytes: command.stdoutHeld,
    stderrBytes: command.stderrHeld,
    outputKept: command.outputKept,
    ...optional("stdoutSha256", command.stdoutSha256),
    ...optional("stderrSha256", command.stderrSha256),
    hashOfKept: command.hashOfKept,
    masked: command.masked,
    truncated: command.truncated,
    presumed: command.presumed,
    reason: command.reason,
    errorCode: command.errorCode,
    changed: command.changed,
    data: command.data ?? "",
    ...optional("reaped", reapedOf(command)),
    job: command.job,
    requestedBy: command.requestedBy,
    saidBy: command.saidBy,
    ...timestamp("cancelRequestedAtMs", command.cancelRequestedAt),
    cancelRequestedBy: command.cancelRequestedBy,
    cancelSaidBy: command.cancelSaidBy,
    ...optional("progress", progressOf(command)),
    ...optional("timeoutMs", command.timeoutMs),
    ...timestamp("unreachableSinceMs", command.unreachableSince),
    ...optional("rerunOf", command.rerunOf),
    onDisconnect: command.onDisconnect === "kill"
      ? OnDisconnect.KILL
      : OnDisconnect.CONTINUE,
    ...optional("killAfterMs", command.killAfterMs),
    survive: command.survive,
  });
}

function reapedOf(
  { reapedSignalled, reapedAlive }: CommandView,
): { signalled: number; alive: number[] } | null {
  if (reapedSignalled === null) return null;
  return { signalled: reapedSignalled, alive: [...reapedAlive] };
}

function progressOf(
  { progressCurrent, progressTotal, progressMessage }: CommandView,
): { current: number; total: number; message: string } | null {
  if (progressCurrent === null) return null;
  return {
    current: progressCurrent,
    total: progressTotal ?? 0,
    message: progressMessage,
  };
}
