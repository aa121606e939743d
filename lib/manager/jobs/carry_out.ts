import type { JobRecord, MovedEntry } from "../../store/job_records.ts";
import type { CommandRecord } from "../../store/records.ts";
import type { Batch } from "./batch.ts";
import { moveBy } from "./entry_lifecycle.ts";
import type { EntryQueue } from "./entry_queue.ts";
import type { JobParts } from "./job_parts.ts";
import type { Unstarted } from "./verdict.ts";
import type { Window } from "./window.ts";

/** Effects of a turn on its job. */
export interface TurnEffects {
  readonly window: Window;
  readonly queue: EntryQueue;
  /** Called with steps that were recorded. */
  readonly moved: (entries: readonly MovedEntry[]) => void;
  /** Called with a command that was recorded, before its first byte leaves. */
  readonly made: (entry: Unstarted, command: CommandRecord) => void;
}

/**
 * Records a turn, and sends what starts. What cannot be recorded has its turn again.
 *
 * @throws {PiriError} as the store throws, once all that could be recorded is
 */
export async function carryOut(
  { starts, steps }: Pick<Batch, "starts" | "steps">,
  job: JobRecord,
  { store, clock, commands, window, queue, moved, made }:
    & Pick<JobParts, "store" | "clock" | "commands">
    & TurnEffects,
): Promise<void> {
  const at = clock.now();
  const writes = steps.map(async ({ event, reason, entries }) => {
    const positions = entries.map(({ position }) => position);
    try {
      const move = moveBy(event, at, reason);
      moved(await store.moveEntries(job.id, move, { positions }));
    } catch (error) {
      queue.takeBack(entries);
      throw error;
    }
  });
  if (starts.length > 0) {
    window.take(starts.length);
    const byPosition = new Map(starts.map((each) => [each.position, each]));
    const start = commands.entries.start(job, starts, {
      move: moveBy("started", at),
      made: (all) => {
        for (const { position, record } of all) {
          const entry = byPosition.get(position);
          if (entry !== undefined) made(entry, record);
        }
      },
    });
    writes.push(
      start.then((missed) => window.giveBack(missed.length), (error) => {
        window.giveBack(starts.length);
        queue.takeBack(starts);
        throw error;
      }),
    );
  }
  for (const result of await Promise.allSettled(writes)) {
    if (result.status === "rejected") throw result.reason;
  }
}
