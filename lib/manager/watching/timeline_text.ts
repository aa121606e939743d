import { progressWords, tellsSomething } from "../../base/progress.ts";
import type { StreamName } from "../../store/records.ts";
import type { CommandView } from "../api/operator_api.ts";
import type { Listed } from "../command/command_trace.ts";

// The words of a timeline.

/** Tells what becomes of an open command while its agent is away. */
export function meanwhile(
  { state, onDisconnect, killAfterMs, survive }: CommandView,
): string {
  if (state === "queued") return "; the command has not left";
  const arrived = state === "sent"
    ? "; whether the command arrived is not known; if so,"
    : ";";
  if (onDisconnect === "continue") {
    const alone = survive ? ", also if its agent has ended," : ",";
    return `${arrived} it is to go on there${alone} and its output and result wait there`;
  }
  const when = killAfterMs
    ? `${secondsText(killAfterMs)} after the link was lost`
    : "at once";
  return `${arrived} it is to be ended there ${when}`;
}

/** Tells how a hello listed a command. */
export function helloText({ state, produced, session }: Listed): string {
  const listed = `the agent came back, session ${session}, and listed it as`;
  switch (state) {
    case "accepted":
      return `${listed} accepted: it had not begun`;
    case "running":
      return `${listed} running: ${bytesText(produced)} printed`;
    case "finished":
      return `${listed} finished: its result is on the agent`;
  }
}

/** Tells the progress of a command; undefined if it tells no more than that the command has begun or ended. */
export function progressText(
  { progressCurrent, progressTotal, progressMessage }: CommandView,
): string | undefined {
  if (progressCurrent === null) return undefined;
  const progress = {
    current: progressCurrent,
    total: progressTotal ?? 0,
    message: progressMessage,
  };
  return tellsSomething(progress)
    ? `progress ${progressWords(progress)}`
    : undefined;
}

/** Tells how a command ended, by the word of its agent or of the Manager. */
export function endText(command: CommandView): string {
  const { stdoutHeld, stderrHeld, agentStartedAt, agentFinishedAt } = command;
  const how = command.reason !== ""
    ? `: ${command.reason}`
    : command.signal !== null
    ? ` by ${command.signal}`
    : command.exitCode !== null
    ? `, exit code ${command.exitCode}`
    : "";
  const parts = [`${wordsOf(command)}${how}`];
  if (command.reapedSignalled !== null) parts.push(receiptText(command));
  if (agentStartedAt !== null && agentFinishedAt !== null) {
    const took = secondsText(agentFinishedAt - agentStartedAt);
    parts.push(`it took ${took} by the agent's clock`);
  }
  if (stdoutHeld + stderrHeld > 0n) {
    const printed = bytesText({ stdout: stdoutHeld, stderr: stderrHeld });
    parts.push(`${printed} printed${notKeptText(command)}`);
  }
  return parts.join("; ");
}

/** Tells how much of the output is not kept, after a text about all of it. */
export function notKeptText(
  { stdoutHeld, stderrHeld, outputKept, truncated }: CommandView,
): string {
  const missing = stdoutHeld + stderrHeld - outputKept;
  return truncated && missing > 0n ? `, ${missing} of them not kept` : "";
}

function receiptText(
  { reapedSignalled, reapedAlive }: CommandView,
): string {
  const alive = reapedAlive.length === 0
    ? "none lives"
    : `still alive: ${reapedAlive.join(" ")}`;
  return `processes signalled: ${reapedSignalled}, ${alive}`;
}

/** State as it is written in a sentence. */
export function wordsOf({ state }: CommandView): string {
  return state.replace("_", " ");
}

/** Tells the bytes of each stream. */
export function bytesText(
  { stdout, stderr }: Readonly<Record<StreamName, bigint>>,
): string {
  return `${stdout} bytes of stdout and ${stderr} of stderr`;
}

/** Tells how many of the received bytes were acknowledged. */
export function acknowledgedText(
  came: Readonly<Record<StreamName, bigint>>,
  known: Readonly<Record<StreamName, bigint>> | undefined,
): string {
  if (known === undefined) return "nothing acknowledged";
  const isAll = came.stdout === known.stdout && came.stderr === known.stderr;
  return isAll
    ? "all acknowledged"
    : `${known.stdout} and ${known.stderr} acknowledged`;
}

/** Duration for people. */
export function secondsText(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  return `${Math.round(ms / 100) / 10} s`;
}
