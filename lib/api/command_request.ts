import {
  OnDisconnect,
  RunAnswer,
  type WatchFrom,
} from "../../proto/gen/piri/control/v1/control_pb.ts";
import type { RunRequest } from "../manager/api/operator_api.ts";
import { invalid, requireId, requireRange } from "./checks.ts";

const MAX_UINT32 = 4_294_967_295;

/**
 * Fate of a command while its agent is away.
 *
 * @throws {PiriError} INVALID_ARGUMENT
 */
export function onDisconnectOf(
  choice: OnDisconnect,
): RunRequest["onDisconnect"] {
  switch (choice) {
    case OnDisconnect.UNSPECIFIED:
    case OnDisconnect.CONTINUE:
      return "continue";
    case OnDisconnect.KILL:
      return "kill";
    default:
      throw invalid("on_disconnect", `${choice} is not one of its values`);
  }
}

/**
 * True if an answer is to have only the ids of the commands.
 *
 * @throws {PiriError} INVALID_ARGUMENT
 */
export function wantsIds(answer: RunAnswer): boolean {
  switch (answer) {
    case RunAnswer.UNSPECIFIED:
    case RunAnswer.COMMANDS:
      return false;
    case RunAnswer.IDS:
      return true;
    default:
      throw invalid("answer", `${answer} is not one of its values`);
  }
}

/**
 * Limit on the run time of a command, in milliseconds.
 *
 * @throws {PiriError} INVALID_ARGUMENT
 */
export function timeoutOf(timeoutMs: number | undefined): number | undefined {
  if (timeoutMs === undefined) return undefined;
  return requireRange("timeout_ms", timeoutMs, { least: 1, most: MAX_UINT32 });
}

/**
 * Commands of a watch, with the offsets of their output.
 *
 * @throws {PiriError} INVALID_ARGUMENT
 */
export function watchStartsOf(
  field: string,
  commands: readonly WatchFrom[],
): { id: bigint; stdoutOffset: bigint; stderrOffset: bigint }[] {
  const from = commands.map((command) => ({
    id: requireId("command_id", command.commandId),
    stdoutOffset: command.stdoutOffset,
    stderrOffset: command.stderrOffset,
  }));
  // Two offsets of one command: which of them would a piece of output be for?
  if (new Set(from.map(({ id }) => id)).size < from.length) {
    throw invalid(field, "one of them is there twice");
  }
  return from;
}
