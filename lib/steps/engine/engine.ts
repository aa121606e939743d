import { PiriError } from "../../base/errors.ts";
import type { Sheet } from "../sheet.ts";
import { Applying } from "./applying.ts";
import type { ExpectedSteps } from "./expected.ts";
import { gateError, moved } from "./gate.ts";
import type { Debt, Owed } from "./owed.ts";
import { type Planned, planSteps } from "./plan_steps.ts";
import { prepare, type PreparedSheet } from "./prepare.ts";
import { owedPart, shownChanges } from "./record_parts.ts";
import type { RunCounts, RunRecord, StepRecord } from "./records.ts";
import type { RunMeans } from "./run_means.ts";
import { readySecrets } from "../secrets/secret_run.ts";

/** Choices for a run. */
export interface RunOptions {
  /** Names or tags of the steps to run, with what they require. All by default. */
  readonly only?: readonly string[] | undefined;
  /** True to refuse verdicts that are unknown, and in an apply changes that were not foreseen. */
  readonly strict?: boolean | undefined;
}

/** Choices for an apply. */
export interface ApplyOptions extends RunOptions {
  /** Findings of the plan that is applied. Without them, whatever is found to differ is changed. */
  readonly expected?: ExpectedSteps | undefined;
}

/** End of a run. */
export interface RunEnd {
  readonly success: boolean;
  /** True if the host was changed. */
  readonly changed: boolean;
  readonly message: string;
  readonly counts: RunCounts;
  /** First step that failed. */
  readonly failed?: string;
  /** Reactions that are owed in this state. */
  readonly owed: readonly Debt[];
  /** Steps that are not as they were planned. */
  readonly moved: readonly string[];
}

/**
 * Tells what an apply would change. Changes nothing.
 *
 * @throws {PiriError} INVALID_ARGUMENT, UNSUPPORTED for a sheet that cannot be run; CANCELLED
 */
export async function plan(
  sheet: Sheet,
  means: RunMeans,
  { only, strict = false }: RunOptions = {},
): Promise<RunEnd> {
  const prepared = await readySecrets(
    prepare(sheet, means.operations, only),
    means,
  );
  const { sink } = means;
  await sink.record(headOf("plan", prepared));
  const counts = noCounts();
  let failed: Planned | undefined;
  let unknown: Planned | undefined;
  for await (const planned of planSteps(prepared, means)) {
    const { index, step } = planned.prepared;
    if (planned.verdict === "failed") failed ??= planned;
    if (planned.verdict === "unknown") unknown ??= planned;
    count(counts, planned.verdict);
    await sink.record(recordOf(planned));
    sink.progress(index + 1, prepared.steps.length, step.name);
  }
  const owed = owedIn(prepared, means);
  const obstacle = failed ?? (strict ? unknown : undefined);
  const message = obstacle === undefined
    ? planText(counts)
    : obstacleText(obstacle, prepared);
  const success = obstacle === undefined;
  await sink.record({ kind: "end", success, message, ...counts });
  return {
    success,
    changed: false,
    message,
    counts,
    owed,
    moved: [],
    ...obstacle === undefined ? {} : { failed: obstacle.prepared.step.name },
  };
}

/**
 * Makes the host be as the sheet says.
 *
 * @throws {PiriError} FAILED_PRECONDITION if it is not as planned, before any change; otherwise as `plan`
 */
export async function apply(
  sheet: Sheet,
  means: RunMeans,
  { only, expected, strict = false }: ApplyOptions = {},
): Promise<RunEnd> {
  const prepared = await readySecrets(
    prepare(sheet, means.operations, only),
    means,
  );
  const { sink, owed } = means;
  await sink.record(headOf("apply", prepared));
  if (expected !== undefined || strict) {
    await passGate(prepared, means, { expected, strict });
  }
  for (const debt of goneIn(prepared, owed)) {
    await sink.record({
      kind: "note",
      text:
        `"${debt.listener}" was owed since "${debt.cause}" changed, and is no step any more: that is over`,
    });
    await owed.end([debt]);
  }
  const applying = new Applying(prepared, means, { expected, strict });
  const counts = noCounts();
  /** Count of steps that acted and changed nothing; they are counted as ok, too. */
  let idle = 0;
  let failed: StepRecord | undefined;
  let changed = false;
  for (const [done, each] of prepared.steps.entries()) {
    // Steps that an earlier one has done, too, are told also after a cancel.
    if (means.signal.aborted && !applying.isDone(each)) break;
    sink.progress(done, prepared.steps.length, each.step.name);
    const record = await applying.run(each);
    await sink.record(record);
    // A program may have run and changed nothing, as its step says.
    const isIdle = record.verdict === "change" && record.changed !== true;
    count(counts, isIdle ? "ok" : record.verdict);
    if (isIdle) idle++;
    if (record.changed) changed = true;
    if (record.verdict !== "failed") continue;
    failed ??= record;
    if (each.step.continue !== true || applying.mustEnd) break;
  }
  const done = counts.ok + counts.changed + counts.failed + counts.skipped;
  counts.notRun = prepared.steps.length - done;
  const success = failed === undefined && !means.signal.aborted;
  const isCancelled = means.signal.aborted;
  const message = endText(counts, { failed, isCancelled, idle });
  await sink.record({ kind: "end", success, message, ...counts });
  return {
    success,
    changed,
    message,
    counts,
    owed: owedIn(prepared, means),
    moved: applying.moved,
    ...failed === undefined ? {} : { failed: failed.name },
  };
}

async function passGate(
  prepared: PreparedSheet,
  means: RunMeans,
  { expected, strict }: {
    expected: ExpectedSteps | undefined;
    strict: boolean;
  },
): Promise<void> {
  const found: Planned[] = [];
  for await (const planned of planSteps(prepared, means, expected)) {
    found.push(planned);
  }
  const unknown = found.find(({ verdict }) => verdict === "unknown");
  if (strict && unknown !== undefined) {
    throw new PiriError(
      "FAILED_PRECONDITION",
      `Cannot apply: ${obstacleText(unknown, prepared)}`,
    );
  }
  if (expected === undefined) return;
  const all = moved(found, expected);
  for (const record of all) await means.sink.record(record);
  if (all.length > 0) throw gateError(all, found);
}

function headOf(mode: "plan" | "apply", sheet: PreparedSheet): RunRecord {
  const { state, steps } = sheet;
  return { kind: "run", format: 1, mode, state, steps: steps.length };
}

/** Record of a finding. */
function recordOf(planned: Planned): StepRecord {
  const { prepared, verdict, fingerprint, pins, reason, error, owed } = planned;
  const { step, index } = prepared;
  return {
    kind: "step",
    step: index,
    name: step.name,
    operation: step.operation,
    verdict,
    changes: shownChanges(planned.changes, step.hidden),
    ...fingerprint === undefined ? {} : { fingerprint },
    ...pins === undefined ? {} : { pins },
    ...reason === undefined ? {} : { reason },
    ...error === undefined
      ? {}
      : { error: { code: error.code, message: error.message } },
    ...owedPart(owed),
  };
}

/** Debts to steps that are gone. */
function goneIn({ state, steps }: PreparedSheet, owed: Owed): Debt[] {
  const names = new Set(steps.map(({ step }) => step.name));
  return owed.all.filter((debt) =>
    debt.state === state && !names.has(debt.listener)
  );
}

function owedIn({ state }: PreparedSheet, { owed }: RunMeans): Debt[] {
  return owed.all.filter((debt) => debt.state === state);
}

type Counts = { -readonly [Key in keyof RunCounts]: RunCounts[Key] };

function noCounts(): Counts {
  return { ok: 0, changed: 0, unknown: 0, failed: 0, skipped: 0, notRun: 0 };
}

function count(counts: Counts, verdict: StepRecord["verdict"]): void {
  counts[verdict === "change" ? "changed" : verdict]++;
}

function planText({ changed, unknown }: RunCounts): string {
  if (changed + unknown === 0) return "nothing to do";
  const more = unknown === 0 ? "" : `, ${unknown} cannot be told yet`;
  return `${counted(changed)} would change something${more}`;
}

function endText(
  { changed, notRun }: RunCounts,
  { failed, isCancelled, idle }: {
    readonly failed: StepRecord | undefined;
    readonly isCancelled: boolean;
    readonly idle: number;
  },
): string {
  const left = notRun === 0 ? "" : `; not run: ${counted(notRun)}`;
  if (failed !== undefined) {
    return `step "${failed.name}" failed: ${
      failed.error?.message ?? ""
    }${left}`;
  }
  if (isCancelled) return `the command was cancelled${left}`;
  if (changed > 0) return `${counted(changed)} changed something`;
  return idle === 0
    ? "nothing to do"
    : `nothing has changed, and ${counted(idle)} ran`;
}

/** Reason for which a step cannot be done, or not be told, with its place. */
function obstacleText(
  { prepared: { index, step }, verdict, error, reason = "" }: Planned,
  { steps }: PreparedSheet,
): string {
  const place = `step ${
    index + 1
  } of ${steps.length}, "${step.name}" (${step.operation}),`;
  return verdict === "failed"
    ? `${place} cannot be done: ${error?.message ?? ""}`
    : `${place} cannot be told yet, and only what is known shall be done (strict): ${reason}`;
}

function counted(steps: number): string {
  return steps === 1 ? "1 step" : `${steps} steps`;
}
