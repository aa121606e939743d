import type { Report } from "./report.ts";
import { simulate, type SimulationOptions } from "./simulation.ts";

/** Seeds to try. */
export interface SearchOptions extends SimulationOptions {
  readonly from: number;
  readonly seeds: number;
  /** Called after each run. */
  readonly ran?: (report: Report) => void;
}

/** Tries seeds until one breaks a rule; undefined if none does. */
export async function search(
  { from, seeds, ran, ...options }: SearchOptions,
): Promise<Report | undefined> {
  for (let seed = from; seed < from + seeds; seed++) {
    const report = await simulate(seed, options);
    ran?.(report);
    if (report.violation !== undefined) return report;
  }
  return undefined;
}

/** Report of a run that broke a rule; empty if it broke none. */
export function complaintOf(report: Report | undefined): string {
  return report === undefined
    ? ""
    : `seed ${report.seed}: ${report.violation} (deno task simulate --seed ${report.seed})`;
}
