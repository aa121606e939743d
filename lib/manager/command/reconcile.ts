import {
  type CommandState,
  CommandState_State,
} from "../../../proto/gen/piri/agent/v1/agent_messages.ts";
import type { CommandPatch, CommandRecord } from "../../store/records.ts";
import type { Subject } from "./life_events.ts";
import { changeBy, stageOf } from "./lifecycle.ts";

/** Facts of a hello about commands. */
export interface HelloFacts {
  /** Empty for a legacy agent. */
  readonly instance: string;
  readonly lastCommandId: bigint;
  readonly listed: readonly CommandState[];
  /** The agent has the feature `resume`. Without it nothing is listed, and no sent command survives. */
  readonly resumes: boolean;
  /** Time by the Manager's clock, in milliseconds since 1970. */
  readonly at: number;
}

/** Outcome of a hello for the commands of its agent. */
export interface Reconciliation {
  readonly patches: readonly CommandPatch[];
  /** Listed commands that go on: their output is asked for from the held offset on. */
  readonly resumed: readonly bigint[];
  /** Listed commands that have ended here: the agent may forget them. */
  readonly ended: readonly bigint[];
  /** The same as a set, for the session: these end by the word of this connection. */
  readonly unfinished: ReadonlySet<bigint>;
  /** Listed ids of commands that are not known here. */
  readonly unknownIds: ReadonlySet<bigint>;
}

/**
 * Compares the Manager's commands with those that an agent lists: docs/protocol.md, "The life of a command".
 *
 * `open` are the agent's open commands; `others` are commands that the agent lists and that are not open.
 */
export function reconcile(
  hello: HelloFacts,
  open: readonly Subject[],
  others: readonly CommandRecord[],
): Reconciliation {
  const listed = new Map(hello.listed.map((entry) => [entry.commandId, entry]));
  const known = new Map(
    [...open.map(({ record }) => record), ...others]
      .map((record) => [record.id, record]),
  );
  const patches: CommandPatch[] = [];
  const resumed: bigint[] = [];
  const ended: bigint[] = [];
  for (const subject of open) {
    const { id, nonce } = subject.record;
    const entry = listed.get(id);
    const isListed = entry?.nonce === nonce;
    const patch = isListed
      ? goesOn(subject, entry, hello)
      : verdict(subject, entry !== undefined, hello);
    if (patch !== undefined) patches.push(patch);
    if (isListed) resumed.push(id);
  }
  for (const record of others) {
    const entry = listed.get(record.id);
    if (entry === undefined || entry.nonce !== record.nonce) continue;
    const stage = stageOf(record);
    const isOpenAgain = stage === "presumed" ||
      stage === "lost" && isDisputed(record, entry, hello);
    const cancelIsRecorded = record.cancelRequestedAt !== null;
    const patch = isOpenAgain
      ? goesOn({ record, stage, cancelIsRecorded }, entry, hello)
      : undefined;
    if (patch === undefined) {
      ended.push(record.id);
      continue;
    }
    patches.push(patch);
    resumed.push(record.id);
  }
  const unknownIds = new Set(
    hello.listed
      .filter(({ commandId, nonce }) => known.get(commandId)?.nonce !== nonce)
      .map(({ commandId }) => commandId),
  );
  // Also what is listed as finished: until that result has come, it is not over here.
  const unfinished = new Set(resumed);
  return { patches, resumed, ended, unfinished, unknownIds };
}

/**
 * True for a command that one agent has called lost for good and that another of its name still has: a copy of a host
 * calls lost what the original still runs. The one who called it lost lists it as finished, and as the instance that it
 * was sent to; if that instance has changed meanwhile, its result is told again.
 */
function isDisputed(
  record: CommandRecord,
  entry: CommandState,
  { instance }: HelloFacts,
): boolean {
  return entry.state !== CommandState_State.FINISHED ||
    record.instance !== instance;
}

/** Change of a command that the agent has, by the agent's account. */
function goesOn(
  subject: Subject,
  { state }: CommandState,
  { instance, at }: HelloFacts,
): CommandPatch | undefined {
  // Accepted commands have not begun; any other state, an unknown one too, counts as running.
  return state === CommandState_State.ACCEPTED
    ? changeBy(subject, "listedAccepted", { instance, at })
    : changeBy(subject, "listedBegun", { instance, at });
}

/** Change of a command that the agent does not have: undefined if it can still be sent. */
function verdict(
  subject: Subject,
  idIsTaken: boolean,
  { instance, lastCommandId, resumes, at }: HelloFacts,
): CommandPatch | undefined {
  const { record, stage } = subject;
  const isAboveLast = resumes && !idIsTaken && record.id > lastCommandId;
  // One that was found at the start is not sent: the database may have come back from a backup, and whoever ran the
  // command before it may have been told that it never will be.
  if (stage === "queued" && (isAboveLast || !resumes)) return undefined;
  const neverArrived = isAboveLast && stage === "sent" &&
    record.instance === instance;
  return changeBy(subject, neverArrived ? "neverArrived" : "forgotten", { at });
}
