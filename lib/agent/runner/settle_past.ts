import type { Clock } from "../../base/clock.ts";
import { logger } from "../../base/log.ts";
import type {
  ProcessIdentity,
  ReapReceipt,
} from "../../operations/operation.ts";
import type { Journal, JournalEntry } from "../journal/journal.ts";
import { keepResult } from "./keep_result.ts";
import { lostResult, refusalOf } from "./result.ts";

const log = logger("agent", "runner");

/** Parts that are needed to settle an earlier run. */
export interface PastOptions {
  readonly journal: Journal;
  readonly clock: Clock;
  /** Ends the living processes of a command of an earlier run of this agent. */
  readonly endSurvivors: (
    processes: readonly ProcessIdentity[],
    marker: string,
  ) => Promise<ReapReceipt>;
}

/** Ends the processes of an earlier run of this agent, and records a result for each of its commands. */
export async function settlePast(options: PastOptions): Promise<void> {
  const unfinished = options.journal.entries()
    .filter(({ state }) => state !== "finished");
  await Promise.all(unfinished.map((entry) =>
    // An entry that was only accepted was surely not started: `started` is written before the operation begins.
    entry.state === "accepted"
      ? keepResult(options.clock, {
        entry,
        result: refusalOf(
          entry.id,
          "UNAVAILABLE",
          `Cannot start command ${entry.id}: the agent ended before`,
        ),
      })
      : settleLost(entry, options)
  ));
}

/** Marker of a command in the environment of its processes. A later run of the agent computes the same one. */
export function markerOf({ id, nonce }: JournalEntry): string {
  return `${id}-${nonce.toString(16)}`;
}

async function settleLost(
  entry: JournalEntry,
  { clock, endSurvivors }: PastOptions,
): Promise<void> {
  const receipt = await endSurvivors(entry.processes, markerOf(entry));
  log.warning(
    "Command {id} was running when this agent ended: it is lost, {signalled} processes were ended",
    { id: String(entry.id), signalled: receipt.signalled },
  );
  await keepResult(clock, {
    entry,
    result: lostResult({
      commandId: entry.id,
      finishedAt: clock.now(),
      stdoutBytes: entry.produced("stdout"),
      stderrBytes: entry.produced("stderr"),
    }, receipt),
  });
}
