import { RecordLimit, type RunRecord } from "../lib/steps/engine/records.ts";

/** Number of steps of each plan. */
export const PLAN_STEPS = 100;

let output: Uint8Array<ArrayBuffer> | undefined;

/** Output of a plan of `PLAN_STEPS` files, of which the last would change. */
export function planOutput(): Uint8Array<ArrayBuffer> {
  return output ??= new TextEncoder().encode(linesOf(records()));
}

function linesOf(records: readonly RunRecord[]): string {
  const limit = new RecordLimit(PLAN_STEPS);
  return records.map((record) => limit.lineOf(record) ?? "").join("");
}

function records(): RunRecord[] {
  const steps = Array.from({ length: PLAN_STEPS }, (_, step): RunRecord => {
    const isLast = step === PLAN_STEPS - 1;
    return {
      kind: "step",
      step,
      name: `File ${step}`,
      operation: "file.Installed",
      verdict: isLast ? "change" : "ok",
      changes: isLast ? [{ what: "mode", from: "0600", to: "0644" }] : [],
      fingerprint: String(step).padStart(24, "0"),
    };
  });
  const counts = { changed: 0, unknown: 0, failed: 0, skipped: 0, notRun: 0 };
  return [
    { kind: "run", format: 1, mode: "plan", state: "", steps: PLAN_STEPS },
    ...steps,
    {
      kind: "end",
      success: true,
      message: "1 step would change",
      ok: PLAN_STEPS - 1,
      ...counts,
    },
  ];
}
