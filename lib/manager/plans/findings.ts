import type { PlanCounts, PlanFindings } from "../../store/plan_records.ts";
import type { PlannedStep } from "../api/plan_api.ts";
import {
  recordOfLine,
  type RunRecord,
  type StepRecord,
} from "../../steps/engine/records.ts";

/** Records of a plan, read. */
export interface ReadFindings {
  readonly counts: PlanCounts;
  /** Findings that an apply expects, as JSON. */
  readonly expect: string;
  /** Steps for people, as JSON. */
  readonly changes: string;
  /** Reason for which it cannot be applied; empty for none. */
  readonly message: string;
}

/** Findings of an agent that could not be planned. */
export function failedFindings(agent: string, message: string): PlanFindings {
  const counts = { ok: 0, change: 0, unknown: 0, failed: 0, skipped: 0 };
  return { agent, state: "failed", message, counts, expect: "", changes: "" };
}

/** Reads the records that a command of state.Plan has printed. */
export function readFindings(output: string): ReadFindings {
  const records = output.split("\n").flatMap(recordOf);
  const head = records.find(({ kind }) => kind === "run");
  const end = records.find(({ kind }) => kind === "end");
  const steps = records.filter((each): each is StepRecord =>
    each.kind === "step"
  );
  const counts = { ok: 0, change: 0, unknown: 0, failed: 0, skipped: 0 };
  for (const { verdict } of steps) counts[verdict]++;
  const total = head?.kind === "run" ? head.steps : undefined;
  const failed = steps.find(({ verdict }) => verdict === "failed");
  const message = end === undefined || total !== steps.length
    ? "its records are not complete"
    : failed !== undefined
    ? `step "${failed.name}" cannot be done: ${failed.error?.message ?? ""}`
    : "";
  return {
    counts,
    message,
    expect: JSON.stringify(steps.map(expectOf)),
    changes: JSON.stringify(steps.flatMap(shownOf)),
  };
}

function recordOf(line: string): RunRecord[] {
  try {
    return line === "" ? [] : [recordOfLine(line)];
  } catch {
    // The line was cut: that some are missing shows in their count.
    return [];
  }
}

function expectOf({ name, verdict, fingerprint, pins, changes }: StepRecord) {
  const short = changes.map(({ text: _, ...change }) => change);
  return { name, verdict, fingerprint, pins, changes: short };
}

function shownOf(
  { name, operation, verdict, changes, reason, error, owed }: StepRecord,
): PlannedStep[] {
  if (verdict === "ok" || verdict === "skipped") return [];
  return [{
    name,
    operation,
    verdict,
    changes,
    ...reason === undefined ? {} : { reason },
    ...error === undefined ? {} : { error },
    ...owed === undefined ? {} : { owed },
  }];
}
