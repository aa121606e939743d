import { PiriError } from "../../base/errors.ts";
import { ForecastReader } from "../host/forecast_reader.ts";
import type { Change, Check, Verdict } from "../step_operation.ts";
import { Unforeseen } from "../unforeseen.ts";
import type { ExpectedSteps } from "./expected.ts";
import { JoinGroup, togetherWith } from "./joining.ts";
import type { Debt } from "./owed.ts";
import type { PreparedSheet, PreparedStep } from "./prepare.ts";
import { type Finding, findingText } from "./records.ts";
import type { RunMeans } from "./run_means.ts";
import { lookInTime } from "./step_time.ts";
import { type Decision, Walk } from "./walk.ts";

/** Finding about a step, before anything is changed. */
export interface Planned {
  readonly prepared: PreparedStep;
  readonly verdict: Verdict | "failed" | "skipped";
  readonly changes: readonly Change[];
  readonly fingerprint?: string;
  readonly pins?: Check["pins"] | undefined;
  readonly reason?: string | undefined;
  /** Error of a check: the step would fail. */
  readonly error?: PiriError;
  /** Reactions that are owed to it from earlier runs. */
  readonly owed: readonly Debt[];
  /** Step before it after which anything may be so. */
  readonly opaque: string | undefined;
  /** True if a change by it never counts as one, so that its verdict may move by itself. */
  readonly isNeutral: boolean;
}

/** Means of looking at steps. */
export type PlanMeans = Pick<RunMeans, "host" | "owed" | "clock" | "signal">;

/**
 * Checks steps in their order, each on the host as it will be after those before it, and within its time. Changes
 * nothing.
 *
 * @param expected Findings of the plan that is compared with these. A step that never counts as a change is taken to be as
 * it was planned, so that the steps behind it see what they saw then.
 */
export async function* planSteps(
  sheet: PreparedSheet,
  means: PlanMeans,
  expected?: ExpectedSteps,
): AsyncGenerator<Planned> {
  const { host, owed, signal } = means;
  const reader = new ForecastReader(host.reader(signal));
  const walk = new Walk(sheet, owed);
  const look = <T>({ step }: PreparedStep, work: () => Promise<T>) =>
    lookInTime(step, means, (signal) => {
      reader.lookBy(host.reader(signal));
      return work();
    });
  let opaque: string | undefined;
  let isAhead = false;
  let end: string | undefined;
  let group: JoinGroup | undefined;
  for (const prepared of sheet.steps) {
    const { index, step, operation, params } = prepared;
    if (signal.aborted) throw cancelled("plan");
    const before = group;
    group = undefined;
    const debts = walk.debtsTo(prepared);
    const found = (
      verdict: Planned["verdict"],
      rest: Partial<Planned> = {},
    ): Planned => ({
      prepared,
      verdict,
      changes: [],
      owed: debts,
      opaque,
      isNeutral: false,
      ...rest,
    });
    if (end !== undefined) {
      const reason = `the run ends at step "${end}"`;
      walk.pass(index, { changed: false, isLost: true });
      yield found("skipped", { reason });
      continue;
    }
    let decision: Decision;
    let check: Check | undefined;
    let isNeutral = false;
    try {
      [decision, check] = await look(prepared, async () => {
        const first = await walk.decide(prepared, { reader, isAhead, opaque });
        if (first.kind !== "check") return [first, undefined];
        const forecast = walk.forecastFor(prepared, { opaque });
        return [first, await operation.check(params, reader, forecast)];
      });
      isNeutral = check?.counts === false;
    } catch (error) {
      if (error instanceof Unforeseen) {
        decision = { kind: "unknown", reason: error.message };
      } else {
        const failure = asPiriError(error, step.name);
        if (failure.code === "CANCELLED") throw failure;
        walk.pass(index, { changed: false, isLost: true });
        yield found("failed", { error: failure });
        if (step.continue !== true) end = step.name;
        continue;
      }
    }
    if (decision.kind === "skip") {
      const { reason, isLost } = decision;
      walk.pass(index, { changed: false, isLost });
      yield found("skipped", { reason });
      continue;
    }
    const now = check?.verdict ?? "unknown";
    const isBeside = check !== undefined && before?.isBeside(prepared) &&
      before.takes(prepared, check, reader);
    if (isBeside) group = before;
    else if (now === "change") group = new JoinGroup(prepared);
    const together = isBeside && now === "change" && before !== undefined
      ? togetherWith(before.leader)
      : undefined;
    const verdict = isNeutral ? expected?.get(step.name)?.verdict ?? now : now;
    const planned = found(
      verdict,
      check === undefined
        ? { reason: decision.kind === "unknown" ? decision.reason : "" }
        : {
          changes: check.changes,
          fingerprint: check.fingerprint,
          reason: check.reason ?? together,
          isNeutral,
          ...check.pins === undefined ? {} : { pins: check.pins },
        },
    );
    if (verdict === "unknown") {
      reader.addUnknown(step.name, {
        paths: operation.touches?.(params) ?? [],
        things: operation.things?.(params) ?? [],
      });
      if (operation.runsPrograms?.(params) === true) opaque = step.name;
      isAhead = true;
      reader.markAhead(step.name);
      walk.pass(index, { changed: "unknown", isLost: false });
    } else if (verdict === "change" && check !== undefined) {
      opaque = reader.addEffects(step.name, check.effects) ?? opaque;
      const obstacle = await obstacleAfter(check, () => {
        const forecast = walk.forecastFor(prepared, {
          opaque,
          hasReacted: true,
        });
        return look(
          prepared,
          () => operation.check(params, reader, forecast),
        );
      }, step.name);
      if (obstacle !== undefined) {
        walk.pass(index, { changed: false, isLost: true });
        yield found("failed", { error: obstacle });
        if (step.continue !== true) end = step.name;
        continue;
      }
      isAhead = true;
      reader.markAhead(step.name);
      const { counts = true } = check;
      walk.pass(index, { changed: counts, isLost: false });
    } else {
      walk.pass(index, { changed: false, isLost: false });
    }
    yield planned;
  }
}

/** Error of the check that an apply makes after a change, as far as that can be foreseen. */
async function obstacleAfter(
  { after = "fails" }: Check,
  checkAgain: () => Promise<Check>,
  step: string,
): Promise<PiriError | undefined> {
  if (after !== "fails") return undefined;
  try {
    const { verdict, changes } = await checkAgain();
    return verdict === "change"
      ? notDone(step, { verdict, changes })
      : undefined;
  } catch (error) {
    if (error instanceof Unforeseen) return undefined;
    const failure = asPiriError(error, step);
    if (failure.code === "CANCELLED") throw failure;
    return failure;
  }
}

/** Error of a step whose change was not enough. */
export function notDone(step: string, found: Finding): PiriError {
  return new PiriError(
    "FAILED_PRECONDITION",
    `Cannot finish step "${step}": after its change it is not as it should be: ${
      findingText(found)
    }`,
  );
}

/** Any error as one with a code. What is not ours is a mistake in the operation. */
export function asPiriError(error: unknown, step: string): PiriError {
  if (error instanceof PiriError) return error;
  return new PiriError(
    "INTERNAL",
    `Cannot run step "${step}": ${
      error instanceof Error ? error.message : String(error)
    }`,
    { cause: error },
  );
}

/** Error of a run that was cancelled. */
export function cancelled(what: string): PiriError {
  return new PiriError(
    "CANCELLED",
    `Cannot finish the ${what}: the command was cancelled`,
  );
}
