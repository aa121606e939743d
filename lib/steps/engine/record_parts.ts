import type { Debt } from "./owed.ts";
import type { StepRecord } from "./records.ts";

/** Changes as they may be recorded. */
export function shownChanges(
  changes: StepRecord["changes"],
  hidden: true | undefined,
): StepRecord["changes"] {
  return hidden === true
    ? changes.map(({ text: _, ...change }) => change)
    : changes;
}

/** Part of a record about debts to the step. */
export function owedPart(owed: readonly Debt[]): Pick<StepRecord, "owed"> {
  if (owed.length === 0) return {};
  const since = Math.min(...owed.map((debt) => debt.since));
  return { owed: { since, causes: owed.map(({ cause }) => cause) } };
}
