import type { SheetValue } from "../steps/sheet.ts";
import type { StepDescription } from "../steps/step_operation.ts";
import type { Condition } from "./conditions.ts";
import type { Place } from "./place.ts";
import type { Reference } from "./read_parameter.ts";

/** Step with its final parameters, whose references are not yet places of steps. */
export interface Draft {
  /** Full name, as Web server:Site. */
  readonly name: string;
  readonly place: Place;
  /** Includes and items that lead to it. */
  readonly chain: readonly string[];
  readonly operation: StepDescription;
  readonly params: Readonly<Record<string, SheetValue>>;
  /** References that are parameters, as restart_on, by their names. */
  readonly listeners: Readonly<Record<string, readonly Reference[]>>;
  readonly condition: Condition | undefined;
  readonly require: readonly Reference[];
  readonly onchanges: readonly Reference[];
  readonly settings: StepSettings;
  /** Iterations of "each" that it is in, the outermost first. */
  readonly iterations: readonly string[];
  /** Name of the step that it follows: it stays right behind. */
  readonly follows: string | undefined;
  /** True if items of a list without names are counted in its name. */
  readonly isCounted: boolean;
}

/** Keys of every step that need nothing but their value. */
export interface StepSettings {
  readonly continue?: true;
  readonly retry?: { readonly times: number; readonly everyMs: number };
  readonly timeoutMs?: number;
  readonly tags?: readonly string[];
  readonly hidden?: true;
}
