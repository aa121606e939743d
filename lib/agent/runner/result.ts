import {
  type CommandResult,
  CommandResult_Status,
  createCommandResult,
  createReaped,
} from "../../../proto/gen/piri/agent/v1/agent_messages.ts";
import type { ErrorCode } from "../../base/errors.ts";
import { Limits } from "../../base/limits.ts";
import { cutText } from "../../base/text.ts";
import type { ReapReceipt } from "../../operations/operation.ts";
import type { PrintedHashes } from "../workers/printed_hashes.ts";
import type { StopReason } from "./stopping.ts";
import type { WorkOutcome } from "../workers/workers.ts";

/** Status and text of an end that was asked for. */
const STATUS_OF_STOP: Readonly<
  Record<StopReason, { status: CommandResult_Status; text: string }>
> = {
  cancelled: { status: CommandResult_Status.CANCELLED, text: "" },
  timedOut: { status: CommandResult_Status.TIMED_OUT, text: "" },
  linkLost: { status: CommandResult_Status.CANCELLED, text: "link lost" },
  policyTime: {
    status: CommandResult_Status.TIMED_OUT,
    text: "it took longer than this agent's policy allows",
  },
  policyOutput: {
    status: CommandResult_Status.FAILED,
    text: "it printed more than this agent's policy allows",
  },
  agentStopped: {
    status: CommandResult_Status.FAILED,
    text: "agent stopped",
  },
};

/** Facts that a result has besides the outcome. */
export interface ResultFacts {
  readonly commandId: bigint;
  readonly asked: StopReason | undefined;
  /** Time by the host's clock. */
  readonly startedAt: number;
  readonly finishedAt: number;
  readonly stdoutBytes: bigint;
  readonly stderrBytes: bigint;
}

/** Makes the result of a command that ran. */
export function resultOf(
  outcome: WorkOutcome,
  facts: ResultFacts,
): CommandResult {
  const asked = facts.asked === undefined
    ? undefined
    : STATUS_OF_STOP[facts.asked];
  const status = asked?.status ??
    (outcome.success
      ? CommandResult_Status.SUCCESS
      : CommandResult_Status.FAILED);
  const text = [asked?.text, outcome.message].filter(Boolean).join(": ");
  const output = cutText(text, Limits.resultText);
  const data = dataOf(outcome);
  const dataFits = data.length <= Limits.resultData;
  const result = createCommandResult({
    commandId: facts.commandId,
    status,
    changed: outcome.changed,
    output,
    signal: outcome.signal ?? "",
    startedAtMs: BigInt(Math.round(facts.startedAt)),
    finishedAtMs: BigInt(Math.round(facts.finishedAt)),
    stdoutBytes: facts.stdoutBytes,
    stderrBytes: facts.stderrBytes,
    truncated: output !== text || !dataFits,
    data: dataFits ? data : new Uint8Array(),
    ...hashesOf(outcome.printed),
    masked: BigInt(outcome.masked ?? 0),
  });
  if (outcome.exitCode !== undefined) result.exitCode = outcome.exitCode;
  if (outcome.reaped !== undefined) addReceipt(result, outcome.reaped);
  return result;
}

/** Makes the result of a command that never started here. */
export function refusalOf(
  commandId: bigint,
  code: ErrorCode,
  text: string,
): CommandResult {
  return createCommandResult({
    commandId,
    status: CommandResult_Status.REFUSED,
    output: cutText(text, Limits.resultText),
    data: new TextEncoder().encode(JSON.stringify({ errorCode: code })),
  });
}

/** Makes the result of a command that was cancelled before it began. */
export function cancelledUnbegun(
  commandId: bigint,
  why: string,
): CommandResult {
  return createCommandResult({
    commandId,
    status: CommandResult_Status.CANCELLED,
    output: why,
  });
}

/** Makes the result of a command whose agent died while it ran. */
export function lostResult(
  facts:
    & Pick<
      ResultFacts,
      "commandId" | "finishedAt" | "stdoutBytes" | "stderrBytes"
    >
    & { readonly why?: string | undefined },
  reaped: ReapReceipt,
): CommandResult {
  const result = createCommandResult({
    commandId: facts.commandId,
    status: CommandResult_Status.LOST,
    output: facts.why ??
      "the agent ended while the command ran, and cannot say how it ended",
    finishedAtMs: BigInt(Math.round(facts.finishedAt)),
    stdoutBytes: facts.stdoutBytes,
    stderrBytes: facts.stderrBytes,
  });
  addReceipt(result, reaped);
  return result;
}

/** Shrinks a result that takes too much room to its id, status, exit code, times, and what it tells of the output. */
export function shrunkResult(result: CommandResult): CommandResult {
  const shrunk = createCommandResult({
    commandId: result.commandId,
    status: result.status,
    changed: result.changed,
    signal: result.signal,
    startedAtMs: result.startedAtMs,
    finishedAtMs: result.finishedAtMs,
    stdoutBytes: result.stdoutBytes,
    stderrBytes: result.stderrBytes,
    truncated: true,
    stdoutSha256: result.stdoutSha256,
    stderrSha256: result.stderrSha256,
    masked: result.masked,
  });
  if (result.exitCode !== undefined) shrunk.exitCode = result.exitCode;
  return shrunk;
}

function addReceipt(
  result: CommandResult,
  { signalled, alive }: ReapReceipt,
): void {
  const { reaped = createReaped() } = result;
  reaped.signalled = signalled;
  reaped.alive = alive.slice(0, Limits.reapedAlive);
  if (alive.length > Limits.reapedAlive) result.truncated = true;
  result.reaped = reaped;
}

function hashesOf(
  { stdout, stderr }: PrintedHashes = {},
): Partial<CommandResult> {
  return {
    ...stdout === undefined ? {} : { stdoutSha256: stdout },
    ...stderr === undefined ? {} : { stderrSha256: stderr },
  };
}

/** Structured outcome as JSON, with the code of the error if there was one. */
function dataOf({ data, errorCode }: WorkOutcome): Uint8Array {
  if (data === undefined && errorCode === undefined) return new Uint8Array();
  const value = errorCode === undefined
    ? data
    : { ...typeof data === "object" ? data : {}, errorCode };
  return new TextEncoder().encode(JSON.stringify(value));
}
