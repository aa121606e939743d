import { CommandState } from "../../../proto/gen/piri/control/v1/control_enums.ts";
import type { Command } from "../../../proto/gen/piri/control/v1/control_messages.ts";
import {
  COMMAND_STATES,
  type CommandStateName,
  isOpenState,
} from "../../base/command_state.ts";
import { ExitCode, exitCodeOf, NO_PROGRAM_CODE } from "../exit_code.ts";
import { durationText } from "../time.ts";

/** Name of a state; one that this build does not know yet counts as running. */
export function stateName(state: CommandState): CommandStateName {
  return COMMAND_STATES[state - CommandState.QUEUED] ?? "running";
}

/** State of a name. */
export function stateOf(name: CommandStateName): CommandState {
  return CommandState.QUEUED + COMMAND_STATES.indexOf(name);
}

/** True for a command that has ended. */
export function hasEnded({ state }: Command): boolean {
  return !isOpenState(stateName(state));
}

/** True if a reason only repeats the exit code or signal in words. */
function repeatsTheEnd(reason: string): boolean {
  return /^(The program (ended with exit code \d+|was ended by \w+))?$/
    .test(reason);
}

/** The exit code for a command that has ended. */
export function exitCodeOfCommand(
  command: Pick<Command, "state" | "errorCode">,
): ExitCode {
  switch (stateName(command.state)) {
    case "succeeded":
      return ExitCode.ok;
    case "cancelled":
      return ExitCode.cancelled;
    case "timed_out":
      return ExitCode.timedOut;
    case "lost":
      return ExitCode.lost;
    case "refused":
      return refusal(command.errorCode);
    default:
      return ExitCode.failed;
  }
}

/**
 * Exit code of a command's program, as `run --exit-code` passes it on: 255 for every end that is not a program's, and for
 * a code that a shell does not know.
 */
export function programExitCode(command: Command): number {
  const { exitCode = 0 } = command;
  switch (stateName(command.state)) {
    case "succeeded":
      return 0;
    case "failed":
      return exitCode > 0 && exitCode < NO_PROGRAM_CODE && command.signal === ""
        ? exitCode
        : NO_PROGRAM_CODE;
    default:
      return NO_PROGRAM_CODE;
  }
}

/** Exit code for the code of a refusal. A missing operation counts as not found, as it does from the Manager. */
function refusal(errorCode: string): ExitCode {
  return errorCode === "NOT_FOUND" || errorCode === "INVALID_ARGUMENT"
    ? exitCodeOf(errorCode)
    : ExitCode.refused;
}

/** State or end of a command for people, such as "failed, exit code 3". */
export function outcomeText(command: Command): string {
  const parts: string[] = [stateName(command.state).replace("_", " ")];
  if (command.state === CommandState.TIMED_OUT && command.timeoutMs) {
    parts[0] += ` after ${durationText(command.timeoutMs)}`;
  }
  if (command.presumed) parts.push("presumably");
  if (command.signal !== "") parts.push(command.signal);
  else if (command.exitCode !== undefined && command.exitCode !== 0) {
    parts.push(`exit code ${command.exitCode}`);
  }
  if (command.reaped !== undefined && command.reaped.alive.length > 0) {
    parts.push(`processes ${command.reaped.alive.join(" ")} still live`);
  }
  const text = parts.join(", ");
  const told = command.signal !== "" ||
    (command.exitCode !== undefined && command.exitCode !== 0);
  if (told && !command.presumed && repeatsTheEnd(command.reason)) return text;
  if (command.reason !== "") return `${text}: ${command.reason}`;
  return command.errorCode === "" ? text : `${text}: ${command.errorCode}`;
}
