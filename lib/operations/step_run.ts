import { systemClock } from "../base/clock.ts";
import type { FileDisk } from "../base/file_disk.ts";
import { systemRandom } from "../base/random.ts";
import { PiriError } from "../base/errors.ts";
import { joint } from "../base/signals.ts";
import { fingerprintKey } from "../steps/engine/fingerprint_key.ts";
import { Owed } from "../steps/engine/owed.ts";
import type { RunRecord } from "../steps/engine/records.ts";
import type { RunMeans } from "../steps/engine/run_means.ts";
import { takeTurn } from "../steps/engine/run_room.ts";
import type { SheetModule } from "../steps/sheet.ts";
import { stepOperations } from "../steps/registry.ts";
import { MaskedSink } from "../steps/secrets/masked_sink.ts";
import { SecretPaths } from "../steps/secrets/secret_paths.ts";
import { openCustomSteps } from "./custom/custom_steps.ts";
import { GatheredRecords } from "./gathered_records.ts";
import { Handoff } from "./handoff.ts";
import type { OperationContext, OperationEvent, Outcome } from "./operation.ts";
import { stepHost, type StepHostOptions } from "./step_host.ts";

/** Run of steps: its work, and lines for what it records. */
export interface StepRun extends StepHostOptions {
  /** Text that is printed for a record; nothing if it is empty. */
  textOf(record: RunRecord): string;
  work(means: RunMeans): Promise<Outcome>;
  /** Modules of custom operations that its steps use; none if absent. */
  readonly modules?: readonly SheetModule[] | undefined;
}

/** Means of work that waits for its turn on the host. */
export interface Turn {
  /** Folder of runs. Nobody else writes to it meanwhile. */
  readonly disk: FileDisk;
  /** Aborted when the command must end, or nobody waits for it any more. */
  readonly signal: AbortSignal;
  /** Gives an event to who waits for the command. */
  readonly give: (event: OperationEvent) => Promise<void>;
}

/** Runs steps on the host of a command, when no other run is under way. */
export function runSteps(
  { textOf, work, judgesOwners, modules = [] }: StepRun,
  context: OperationContext,
): AsyncGenerator<OperationEvent, Outcome> {
  return runInTurn(context, async ({ disk, signal, give }) => {
    const told = new GatheredRecords(systemClock, give);
    // All that is told goes through the masks.
    const sink = new MaskedSink({
      record: (record) => told.add(record, textOf(record)),
      progress: (current, total, message) =>
        told.progress(current, total, message),
    }, systemClock);
    await using custom = await openCustomSteps(modules, {
      context: { ...context, signal },
      print: (step, stream, text) =>
        sink.record({ kind: "output", step, stream, text }),
    });
    const means: RunMeans = {
      // The last operation of a name counts: nothing takes the place of Piri's own.
      operations: [...custom.operations, ...stepOperations],
      host: stepHost({ ...context, signal }, { judgesOwners }),
      owed: await Owed.load(disk),
      clock: systemClock,
      signal,
      secrets: {
        open: (name) => context.secret(name),
        fingerprintKey: () => fingerprintKey(disk, systemRandom),
        paths: await SecretPaths.load(disk),
        masks: sink.masks,
      },
      sink,
    };
    const ended = await work(means).finally(() => told.flush());
    const { count } = sink.masks;
    return count === 0 ? ended : { ...ended, masked: count };
  });
}

/** Does work with the folder of runs, when no run of steps is under way. */
export async function* runInTurn(
  context: OperationContext,
  work: (turn: Turn) => Promise<Outcome>,
): AsyncGenerator<OperationEvent, Outcome> {
  const folder = stepsFolderOf(context);
  const events = new Handoff<OperationEvent>();
  const left = new AbortController();
  using end = joint([context.signal, left.signal]);
  const run = async (): Promise<Outcome> => {
    await using disk = await takeTurn(folder, {
      command: `command ${context.commandId}`,
      clock: systemClock,
      signal: end.signal,
      onWait: (command) =>
        void events.give({
          kind: "progress",
          current: 0,
          total: 0,
          message: `waits for ${command}`,
        }),
    });
    return await work({
      disk,
      signal: end.signal,
      give: (event) => events.give(event),
    });
  };
  const outcome = run().finally(() => events.close());
  // It is awaited below, unless the caller leaves.
  outcome.catch(() => {});
  try {
    for (;;) {
      const event = await events.take();
      if (event === undefined) break;
      yield event;
    }
    return await outcome;
  } finally {
    left.abort();
    events.close();
    await outcome.catch(() => {});
  }
}

/**
 * Folder of what steps owe.
 *
 * @throws {PiriError} UNSUPPORTED
 */
export function stepsFolderOf(
  { surroundings: { stepsFolder } }: OperationContext,
): string {
  if (Deno.build.os === "windows") {
    throw new PiriError(
      "UNSUPPORTED",
      "Cannot run steps: on Windows this agent has none",
    );
  }
  if (stepsFolder !== undefined) return stepsFolder;
  throw new PiriError(
    "UNSUPPORTED",
    "Cannot run steps: this agent has no folder for what they owe",
  );
}
