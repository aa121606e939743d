import type { StepDescription } from "../steps/step_operation.ts";
import type { StateReader } from "./state_reader.ts";

/** The agent that a state is compiled for, with all that the Manager knows of it. */
export interface CompiledAgent {
  readonly id: string;
  /** Groups of the agent. Where two groups say the same, the later one wins. */
  readonly groups: readonly string[];
  /** Facts by their dotted names. Undefined for an agent that has told none yet. */
  readonly facts: Readonly<Record<string, string>> | undefined;
  /** Data of the agent, merged. */
  readonly data: Readonly<Record<string, unknown>>;
  /** Secrets of the agent by their names. */
  readonly secrets: ReadonlyMap<string, StateSecret>;
}

/** Keyed hash of a secret's value, or the reason for which states of the agent cannot use it. */
export type StateSecret = string | { readonly refusal: string };

/** Parts that a compiler needs. */
export interface CompilerOptions {
  readonly reader: StateReader;
  /** All operations that a step may have. */
  readonly operations: readonly StepDescription[];
}
