import {
  apply,
  type ApplyOptions,
  plan,
  type RunEnd,
} from "../../lib/steps/engine/engine.ts";
import { Owed } from "../../lib/steps/engine/owed.ts";
import type { RunRecord, StepRecord } from "../../lib/steps/engine/records.ts";
import type { Disk } from "../../lib/base/disk.ts";
import { stepOperations } from "../../lib/steps/registry.ts";
import { MaskedSink } from "../../lib/steps/secrets/masked_sink.ts";
import type { SecretSource } from "../../lib/steps/secrets/secret_source.ts";
import type { Sheet, SheetStep } from "../../lib/steps/sheet.ts";
import type { StepOperation } from "../../lib/steps/step_operation.ts";
import { MemoryDisk } from "../support/memory_disk.ts";
import type { FakeHost } from "./fake_host.ts";

/** Options of a run in a test. */
export interface TestRun extends ApplyOptions {
  readonly disk?: Pick<Disk, "read" | "size" | "replace">;
  readonly operations?: readonly StepOperation[];
  readonly signal?: AbortSignal;
  readonly secrets?: Omit<SecretSource, "masks">;
  readonly onRecord?: (record: RunRecord) => void;
}

/** Run of a test with all that it told. */
export interface Ran {
  readonly end: RunEnd;
  readonly records: readonly RunRecord[];
  readonly steps: readonly StepRecord[];
}

export async function planOn(
  host: FakeHost,
  sheet: Sheet,
  options: TestRun = {},
): Promise<Ran> {
  return await ran(host, sheet, options, plan);
}

export async function applyOn(
  host: FakeHost,
  sheet: Sheet,
  options: TestRun = {},
): Promise<Ran> {
  return await ran(host, sheet, options, apply);
}

async function ran(
  host: FakeHost,
  sheet: Sheet,
  { disk = new MemoryDisk(), operations = stepOperations, ...options }: TestRun,
  run: typeof apply,
): Promise<Ran> {
  const records: RunRecord[] = [];
  const sink = new MaskedSink({
    record: (record) => {
      records.push(record);
      options.onRecord?.(record);
      return Promise.resolve();
    },
    progress() {},
  }, host.clock);
  const { secrets } = options;
  const end = await run(sheet, {
    operations,
    host,
    owed: await Owed.load(disk),
    clock: host.clock,
    signal: options.signal ?? new AbortController().signal,
    secrets: secrets && {
      open: (name) => secrets.open(name),
      fingerprintKey: () => secrets.fingerprintKey(),
      paths: secrets.paths,
      masks: sink.masks,
    },
    sink,
  }, options);
  const steps = records.filter((record) => record.kind === "step");
  return { end, records, steps };
}

/** Sheet of steps that are named by their places, if they have no name. */
export function sheetOf(
  ...steps: (Partial<SheetStep> & Pick<SheetStep, "operation">)[]
): Sheet {
  return {
    format: 1,
    state: "",
    steps: steps.map((step, index) => ({
      name: `step ${index}`,
      params: {},
      ...step,
    })),
  };
}
