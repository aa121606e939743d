import {
  type CommandState,
  CommandState_State,
} from "../../../proto/gen/piri/agent/v1/agent_messages.ts";
import type {
  CommandPatch,
  CommandRecord,
  CommandStateName,
} from "../../store/records.ts";

/** What a hello says of commands. */
export interface HelloFacts {
  /** Empty for an agent of 2024. */
  readonly instance: string;
  readonly lastCommandId: bigint;
  readonly listed: readonly CommandState[];
  /** Without it nothing is listed, and nothing open survives. */
  readonly resumes: boolean;
  /** Commands that this Manager found when it started, and whose agent it has not heard since. */
  readonly found: ReadonlySet<bigint>;
  /** The Manager's clock. */
  readonly at: number;
}

/** What a hello means for the commands of its agent. */
export interface Reconciliation {
  readonly patches: readonly CommandPatch[];
  /** Listed commands that go on: their output is wanted from where it is held. */
  readonly resumed: readonly bigint[];
  /** Listed commands that have ended here: the agent may forget them. */
  readonly ended: readonly bigint[];
  /** The same as a set: what is not over until the one who listed it tells its end. */
  readonly unfinished: ReadonlySet<bigint>;
  /** Listed ids that belong to commands that are not known here. */
  readonly unknownIds: ReadonlySet<bigint>;
}

const NEVER_ARRIVED = "it never arrived at the agent";
const MAY_HAVE_RUN = "it may have run: the agent does not know it any more";

/**
 * Compares what the Manager has with what an agent lists: protocol.md section 5.
 *
 * `open` are the agent's commands that have not ended; `others` those that the agent lists and that are not open.
 */
export function reconcile(
  hello: HelloFacts,
  open: readonly CommandRecord[],
  others: readonly CommandRecord[],
): Reconciliation {
  const listed = new Map(hello.listed.map((entry) => [entry.commandId, entry]));
  const known = new Map(
    [...open, ...others].map((record) => [record.id, record]),
  );
  const patches: CommandPatch[] = [];
  const resumed: bigint[] = [];
  const ended: bigint[] = [];
  for (const record of open) {
    const entry = listed.get(record.id);
    const patch = entry?.nonce === record.nonce
      ? goesOn(record, entry, hello)
      : verdict(record, entry !== undefined, hello);
    if (patch !== undefined) patches.push({ id: record.id, ...patch });
    if (entry?.nonce === record.nonce) resumed.push(record.id);
  }
  for (const record of others) {
    const entry = listed.get(record.id);
    if (entry === undefined || entry.nonce !== record.nonce) continue;
    if (record.presumed || isDisputed(record, entry, hello)) {
      patches.push({
        id: record.id,
        ...goesOn(record, entry, hello),
        ...record.presumed ? {} : UNTOLD,
        presumed: false,
        reason: "",
        finishedAt: null,
      });
      resumed.push(record.id);
    } else {
      ended.push(record.id);
    }
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

/** What the result of a lost command has told, taken back. */
const UNTOLD: Omit<CommandPatch, "id"> = {
  errorCode: "",
  agentStartedAt: null,
  agentFinishedAt: null,
  reapedSignalled: null,
  reapedAlive: [],
};

/**
 * Whether a command that an agent has called lost for good is held by another agent of its name: a copy of a host calls
 * lost what the original still runs. Who called it lost lists it as finished, and as the instance that it was sent to,
 * unless that has changed meanwhile; then its result is told again.
 */
function isDisputed(
  record: CommandRecord,
  entry: CommandState,
  { instance }: HelloFacts,
): boolean {
  return record.state === "lost" &&
    (entry.state !== CommandState_State.FINISHED ||
      record.instance !== instance);
}

/** A command that the agent has: how far it is by the agent's account. */
function goesOn(
  record: CommandRecord,
  entry: CommandState,
  { instance, at }: HelloFacts,
): Omit<CommandPatch, "id"> | undefined {
  // Accepted commands have not begun; any other state, an unknown one too, counts as running.
  const state: CommandStateName = entry.state === CommandState_State.ACCEPTED
    ? "sent"
    : "running";
  if (record.state === "running" || record.state === state) return undefined;
  return {
    state,
    instance: record.instance ?? instance,
    sentAt: record.sentAt ?? at,
    ...state === "running" ? { startedAt: record.startedAt ?? at } : {},
  };
}

/** A command that the agent does not have: undefined if it can still be sent. */
function verdict(
  record: CommandRecord,
  idIsTaken: boolean,
  { instance, lastCommandId, resumes, found, at }: HelloFacts,
): Omit<CommandPatch, "id"> | undefined {
  if (record.state === "queued") {
    // Found queued, the database may have come back from a backup, and whoever ran the command before it may have been
    // told that it never will be: it is not sent. So it is, for sure, where the agent has seen its id.
    const isOld = found.has(record.id) ||
      resumes && (idIsTaken || record.id <= lastCommandId);
    return isOld ? lost(MAY_HAVE_RUN, at) : undefined;
  }
  const neverArrived = resumes && !idIsTaken && record.state === "sent" &&
    record.instance === instance && record.id > lastCommandId;
  return lost(neverArrived ? NEVER_ARRIVED : MAY_HAVE_RUN, at);
}

/** What makes a command lost. It is a presumption: a result, or a hello that lists it, replaces it. */
export function lost(
  reason: string,
  at: number,
): Omit<CommandPatch, "id"> {
  return { state: "lost", presumed: true, reason, finishedAt: at };
}
