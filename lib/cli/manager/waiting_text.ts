import {
  CommandState,
  OnDisconnect,
} from "../../../proto/gen/piri/control/v1/control_enums.ts";
import type { Command } from "../../../proto/gen/piri/control/v1/control_messages.ts";
import { clockTime, durationText } from "../time.ts";
import type { Wait } from "./waits.ts";

/** Reason why a command whose agent is away does not end, and what becomes of it. */
export function awayText(command: Command, now: number): string {
  const since = Number(command.unreachableSinceMs ?? now);
  const passed = now - since;
  const when = passed < 1_000
    ? `away since ${clockTime(since, now)}`
    : `away for ${durationText(passed)} (last seen ${clockTime(since, now)})`;
  return `${when}, ${fateText(command)}`;
}

/** Part of a command that says why it does not go on. */
export interface WaitFacts {
  readonly state: CommandState;
  readonly unreachableSinceMs?: bigint | undefined;
  readonly sentAtMs?: bigint | undefined;
}

/** Reason why a command that has not ended does not go on; undefined if it does. */
export function waitOf(
  { state, unreachableSinceMs, sentAtMs }: WaitFacts,
): Wait | undefined {
  if (unreachableSinceMs !== undefined) {
    return { reason: "away", since: Number(unreachableSinceMs) };
  }
  if (state !== CommandState.SENT) return undefined;
  return {
    reason: "untaken",
    since: sentAtMs === undefined ? undefined : Number(sentAtMs),
  };
}

/** Fate of a command while its agent is away. `host` is the name of its host in a sentence. */
export function fateText(command: Command, host = command.agent): string {
  if (command.state === CommandState.QUEUED) {
    return "the command has not been sent";
  }
  if (command.state === CommandState.SENT) {
    return "the command was sent and has not been taken yet";
  }
  if (command.cancelRequestedAtMs !== undefined) {
    return "the cancel reaches it when it is back at the latest";
  }
  if (command.onDisconnect !== OnDisconnect.KILL) {
    return command.survive
      ? `the program goes on on ${host}, also if its agent has ended`
      : "the command goes on there";
  }
  const after = command.killAfterMs ?? 0;
  return after === 0
    ? "the command is ended there"
    : `the command is ended there after ${
      durationText(after)
    } without a connection`;
}

/** Reason why a command does not begin that was sent to a connected agent. */
export function untakenText(passed: number): string {
  return `the command was sent ${
    durationText(Math.max(passed, 0))
  } ago, and the agent has not taken it yet`;
}

/** Return of an agent that was away for a time in milliseconds. */
export function backText(passed: number): string {
  return `back after ${durationText(Math.max(passed, 0))}`;
}

/** Most commands that an error names. */
const MAX_NAMED = 5;

/** Commands with their agents, as an error names them: 'command 12 on "web-1" (away since 14:03:05)'. */
export function namedText(commands: readonly Command[], now: number): string {
  const named = commands.slice(0, MAX_NAMED).map((command) =>
    `${command.id} on "${command.agent}"${sinceText(command, now)}`
  ).join(", ");
  const more = commands.length > MAX_NAMED
    ? ` and ${commands.length - MAX_NAMED} more`
    : "";
  return `${commands.length === 1 ? "command" : "commands"} ${named}${more}`;
}

function sinceText({ unreachableSinceMs }: Command, now: number): string {
  return unreachableSinceMs === undefined
    ? ""
    : ` (away since ${clockTime(Number(unreachableSinceMs), now)})`;
}
