import { systemClock } from "../base/clock.ts";
import { PiriError } from "../base/errors.ts";
import { joint } from "../base/signals.ts";
import { Owed } from "../steps/engine/owed.ts";
import type { RunRecord } from "../steps/engine/records.ts";
import type { RunMeans } from "../steps/engine/run_means.ts";
import { takeTurn } from "../steps/engine/run_room.ts";
import type { SheetModule } from "../steps/sheet.ts";
import { stepOperations } from "../steps/registry.ts";
import { openCustomSteps } from "./custom/custom_steps.ts";
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

/** Runs steps on the host of a command, when no other run is under way. */
export async function* runSteps(
  { textOf, work, judgesOwners, modules = [] }: StepRun,
  context: OperationContext,
): AsyncGenerator<OperationEvent, Outcome> {
  const folder = folderOf(context);
  const events = new Handoff<OperationEvent>();
  const left = new AbortController();
  using end = joint([context.signal, left.signal]);
  const progress = (current: number, total: number, message: string) =>
    void events.give({ kind: "progress", current, total, message });
  const run = async (): Promise<Outcome> => {
    await using disk = await takeTurn(folder, {
      command: `command ${context.commandId}`,
      clock: systemClock,
      signal: end.signal,
      onWait: (command) => progress(0, 0, `waits for ${command}`),
    });
    const record = async (record: RunRecord) => {
      const text = textOf(record);
      if (text !== "") await events.give(printed(text));
    };
    await using custom = await openCustomSteps(modules, {
      context: { ...context, signal: end.signal },
      print: (step, stream, text) =>
        record({ kind: "output", step, stream, text }),
    });
    return await work({
      // What is Piri's own comes last, so that nothing takes its place.
      operations: [...custom.operations, ...stepOperations],
      host: stepHost({ ...context, signal: end.signal }, { judgesOwners }),
      owed: await Owed.load(disk),
      clock: systemClock,
      signal: end.signal,
      sink: {
        record,
        progress,
      },
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

function printed(text: string): OperationEvent {
  const bytes = new TextEncoder().encode(text);
  return { kind: "output", stream: "stdout", bytes };
}

function folderOf({ surroundings: { stepsFolder } }: OperationContext): string {
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
