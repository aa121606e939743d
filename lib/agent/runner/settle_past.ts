import {
  type Command,
  createCommand,
  readCommand,
} from "../../../proto/gen/piri/agent/v1/agent_messages.ts";
import type { Clock } from "../../base/clock.ts";
import type {
  ProcessIdentity,
  ReapReceipt,
} from "../../operations/operation.ts";
import { decode } from "../../protobuf/protobuf_reader.ts";
import { dialectOfManager } from "../../wire/dialect.ts";
import type { Audit } from "../audit/audit_log.ts";
import type { Journal, JournalEntry } from "../journal/journal.ts";
import { factsOf } from "./command_facts.ts";
import { CommandRecord } from "./command_record.ts";
import { keepResult } from "./keep_result.ts";
import { lostResult, refusalOf, resultOf } from "./result.ts";
import type { FoundSurvivor, Survivors } from "../survivors/survivors.ts";
import type { AcceptedCommand } from "./unbegun.ts";
import type { WorkOutcome } from "../workers/workers.ts";

/** Parts that are needed to settle an earlier run. */
export interface PastOptions {
  readonly journal: Journal;
  readonly clock: Clock;
  /** The host's own record of its commands. */
  readonly audit: Audit;
  /** Ends the living processes of a command of an earlier run of this agent. */
  readonly endSurvivors: (
    processes: readonly ProcessIdentity[],
    marker: string,
  ) => Promise<ReapReceipt>;
  /** Programs that outlive their agent; none if absent. */
  readonly survivors?: Survivors | undefined;
}

/** Command whose program has outlived an earlier run of the agent. */
export interface Resumed extends AcceptedCommand {
  /** Undefined for one that starts now. */
  readonly found?: FoundSurvivor | undefined;
}

/** Tells of a command that outlives its run of the agent: it goes on, or how it ended; undefined for all others. */
export type FateOf = (
  entry: JournalEntry,
) => Promise<"runs" | WorkOutcome | undefined>;

/**
 * Ends the processes of an earlier run of this agent, and records a result for each of its commands. Returns the commands
 * whose programs have outlived it.
 */
export async function settlePast(
  options: PastOptions,
  fateOf: FateOf = () => Promise.resolve(undefined),
): Promise<Resumed[]> {
  const unfinished = options.journal.entries()
    .filter(({ state }) => state !== "finished");
  const settled = await Promise.all(unfinished.map((entry) =>
    // An entry that was only accepted was surely not started: `started` is written before the operation begins.
    entry.state === "accepted"
      ? settleUnstarted(entry, options)
      : settleStarted(entry, options, fateOf)
  ));
  const resumed = settled.filter((each) => each !== undefined);
  const markers = resumed.map(({ entry }) => markerOf(entry));
  await options.survivors?.sweep(new Set(markers));
  return resumed;
}

async function settleStarted(
  entry: JournalEntry,
  options: PastOptions,
  fateOf: FateOf,
): Promise<Resumed | undefined> {
  const fate = await fateOf(entry);
  if (fate === "runs") return undefined;
  if (fate !== undefined) {
    await settleAs(entry, fate, options);
    return undefined;
  }
  const command = commandOf(entry);
  const found = command.survive
    ? await options.survivors?.find(markerOf(entry))
    : undefined;
  if (found === undefined || "lost" in found) {
    await settleLost(entry, options, found?.lost);
    return undefined;
  }
  if ("unbegun" in found) {
    await settleUnstarted(entry, options);
    return undefined;
  }
  const record = recordOf(entry, options);
  record.takenUp();
  const dialect = dialectOfManager(entry.managerId);
  return { entry, command, dialect, record, found };
}

/** Records the outcome of a command that began in an earlier run. */
export async function settleAs(
  entry: JournalEntry,
  outcome: WorkOutcome,
  options: PastOptions,
): Promise<void> {
  const { clock } = options;
  const now = clock.now();
  const result = resultOf(outcome, {
    commandId: entry.id,
    asked: undefined,
    startedAt: outcome.startedAt ?? now,
    finishedAt: now,
    stdoutBytes: entry.produced("stdout"),
    stderrBytes: entry.produced("stderr"),
  });
  recordOf(entry, options).ended(result);
  await keepResult(clock, { entry, result });
}

async function settleUnstarted(
  entry: JournalEntry,
  options: PastOptions,
): Promise<undefined> {
  const result = refusalOf(
    entry.id,
    "UNAVAILABLE",
    `Cannot start command ${entry.id}: the agent ended before`,
  );
  recordOf(entry, options).ended(result);
  await keepResult(options.clock, { entry, result });
  return undefined;
}

/** Record of a command of an earlier run. */
function recordOf(entry: JournalEntry, options: PastOptions): CommandRecord {
  const { managerId } = entry;
  const dialect = dialectOfManager(managerId);
  return new CommandRecord(
    options,
    factsOf(commandOf(entry), { managerId, dialect }),
  );
}

/** Command of an entry. One that cannot be read is only missing in the record. */
function commandOf({ id, nonce, command }: JournalEntry): Command {
  const name = { commandId: id, nonce };
  try {
    return Object.assign(decode(readCommand, command), name);
  } catch {
    return createCommand(name);
  }
}

/** Marker of a command in the environment of its processes. A later run of the agent computes the same one. */
export function markerOf({ id, nonce }: JournalEntry): string {
  return `${id}-${nonce.toString(16)}`;
}

async function settleLost(
  entry: JournalEntry,
  options: PastOptions,
  why?: string,
): Promise<void> {
  const { clock, endSurvivors } = options;
  const receipt = await endSurvivors(entry.processes, markerOf(entry));
  const result = lostResult({
    commandId: entry.id,
    finishedAt: clock.now(),
    stdoutBytes: entry.produced("stdout"),
    stderrBytes: entry.produced("stderr"),
    why,
  }, receipt);
  recordOf(entry, options).ended(result);
  await keepResult(clock, { entry, result });
}
