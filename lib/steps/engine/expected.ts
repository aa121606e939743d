import type { Change } from "../step_operation.ts";
import type { SheetValue } from "../sheet.ts";
import type { Finding } from "./records.ts";

/** Finding of a plan about a step, as an apply gets it. */
export interface Expected extends Finding {
  readonly name: string;
  readonly changes?: readonly Change[];
  readonly pins?: Readonly<Record<string, SheetValue>> | undefined;
}

/** Findings of a plan by the names of their steps. */
export type ExpectedSteps = ReadonlyMap<string, Expected>;
