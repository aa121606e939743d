import type { CommandResult } from "../../../proto/gen/piri/agent/v1/agent_messages.ts";
import { createHash } from "node:crypto";
import { isTooDeep } from "../../base/json_depth.ts";
import { Limits } from "../../base/limits.ts";
import { STATE_OF_STATUS } from "../../base/result_status.ts";
import { cutText } from "../../base/text.ts";
import type { StreamName } from "../../store/records.ts";
import type { Outcome } from "./life_events.ts";
import type { OpenCommand } from "./open_command.ts";

const HASH_OF_NOTHING = new Uint8Array(createHash("sha256").digest());

/** Processes of a command of which none is left, the same for all such commands. */
const NONE: readonly number[] = [];

/** Last moment that a Date can tell, in milliseconds since 1970. */
const LATEST_MS = 8_640_000_000_000_000n;

/** Largest count of masked places that is kept: that of the control API. */
const MAX_MASKED = 0xffffffffn;

/** Outcome that a result tells: both streams are closed by it. */
export type ToldOutcome =
  & Outcome
  & Required<
    Pick<
      Outcome,
      "reason" | "exitCode" | "signal" | "stdoutHeld" | "stderrHeld"
    >
  >;

/** Reads how a command ended out of its result. */
export function outcomeOf(
  command: Pick<OpenCommand, "record" | "ledger">,
  result: CommandResult,
  { at, hasOutput }: { at: number; hasOutput: boolean },
): ToldOutcome {
  const { record } = command;
  const known = STATE_OF_STATUS[result.status];
  const produced: Record<StreamName, bigint> = {
    stdout: result.stdoutBytes,
    stderr: result.stderrBytes,
  };
  const { received } = command.ledger;
  const held = {
    stdout: larger(produced.stdout, received.stdout),
    stderr: larger(produced.stderr, received.stderr),
  };
  const missing = held.stdout > received.stdout ||
    held.stderr > received.stderr;
  // Our agents keep to the limits; other agents are held to them here.
  const text = hasOutput ? cutText(result.output, Limits.resultText) : "";
  const alive = result.reaped?.alive.slice(0, Limits.reapedAlive) ?? NONE;
  const data = readData(result.data);
  /** Hash that is told; of a stream without output, unless it is unknown how far the program came, that of nothing. */
  function hashOf(stream: StreamName, told: Uint8Array): Uint8Array | null {
    // With memory of its own: the bytes are part of a whole frame.
    if (told.length === HASH_OF_NOTHING.length) return told.slice();
    return held[stream] === 0n && known !== "lost" ? HASH_OF_NOTHING : null;
  }
  return {
    state: known ?? "failed",
    reason: [
      text,
      known === undefined &&
      `(the agent reports status ${result.status}, which is not known here)`,
      data.complaint && `(its data were left out: ${data.complaint})`,
    ].filter(Boolean).join(" "),
    errorCode: data.errorCode,
    exitCode: result.exitCode ?? null,
    signal: result.signal === "" ? null : result.signal,
    changed: result.changed,
    data: data.json,
    reapedSignalled: result.reaped?.signalled ?? null,
    reapedAlive: alive,
    startedAt: result.startedAtMs > 0n
      ? record.startedAt ?? at
      : record.startedAt,
    finishedAt: at,
    agentStartedAt: orNull(result.startedAtMs),
    agentFinishedAt: orNull(result.finishedAtMs),
    stdoutHeld: held.stdout,
    stderrHeld: held.stderr,
    stdoutSha256: hashOf("stdout", result.stdoutSha256),
    stderrSha256: hashOf("stderr", result.stderrSha256),
    hashOfKept: false,
    masked: Number(result.masked > MAX_MASKED ? MAX_MASKED : result.masked),
    truncated: record.truncated || result.truncated || missing ||
      data.complaint !== undefined,
    progressCurrent: record.progressCurrent,
    progressTotal: record.progressTotal,
    progressMessage: record.progressMessage,
    progressAt: record.progressAt,
  };
}

/** Part of the structured outcome that is kept. */
interface ResultData {
  readonly json: string | null;
  /** Error code, if the outcome tells one. */
  readonly errorCode: string;
  /** Reason why the data were left out. */
  readonly complaint?: string;
}

function readData(bytes: Uint8Array): ResultData {
  const none = { json: null, errorCode: "" };
  if (bytes.length === 0) return none;
  if (bytes.length > Limits.resultData) {
    const complaint =
      `${bytes.length} bytes are over the limit of ${Limits.resultData}`;
    return { ...none, complaint };
  }
  const json = new TextDecoder().decode(bytes);
  if (isTooDeep(json)) {
    const complaint =
      `they are nested deeper than ${Limits.jsonDepth}, which is the limit`;
    return { ...none, complaint };
  }
  const value = tryJson(json);
  if (value === undefined) return { ...none, complaint: "they are not JSON" };
  const code = typeof value === "object" && value !== null &&
      "errorCode" in value
    ? value.errorCode
    : "";
  return { json, errorCode: typeof code === "string" ? code : "" };
}

function tryJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function larger(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}

/** Time, or null for 0 and for a time beyond a Date (ECMA-262 section 21.4.1.1): an agent's clock may be wrong. */
function orNull(ms: bigint): number | null {
  return ms <= 0n || ms > LATEST_MS ? null : Number(ms);
}
