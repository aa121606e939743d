import type { Sheet } from "../steps/sheet.ts";
import type { Place } from "./place.ts";
import type { Problem } from "./problems.ts";

/** State of an agent, compiled; or all that is wrong with it. */
export interface CompiledState {
  /** Steps in the order of their run. Undefined if there are errors. */
  readonly sheet: Sheet | undefined;
  /** The sheet as canonical JSON (RFC 8785); empty if there are errors. */
  readonly json: string;
  /** SHA-256 of the JSON in hex digits: the id of the sheet. */
  readonly sha256: string;
  /** Place of each step of the sheet, in its order. */
  readonly places: readonly StepPlace[];
  /** Contents that the sheet names by their hashes. */
  readonly blobs: ReadonlyMap<string, Uint8Array>;
  /** Paths of the Manager's files that the sheet names by their hashes, by the hashes. */
  readonly sources: ReadonlyMap<string, string>;
  /** Steps that facts, or steps that are not there, rule out. */
  readonly leftOut: readonly LeftOutStep[];
  readonly problems: readonly Problem[];
  readonly warnings: readonly Problem[];
  /** Paths of the state's own files that this agent has. None if the state does not exist for it. */
  readonly files: readonly string[];
  /** Names of the states that it includes. */
  readonly includes: readonly string[];
  /** Questions that it asks about facts of the agent, as `factAnswer` takes them. */
  readonly factsAsked: readonly string[];
  /** Facts that conditions name and the agent does not tell. */
  readonly absentFacts: readonly AbsentFact[];
}

/** Fact that a condition names, and its place. */
export interface AbsentFact {
  readonly name: string;
  readonly place: Place;
}

/** Place of a step in the files. */
export interface StepPlace {
  readonly name: string;
  readonly place: Place;
  /** Includes and items that lead to it, the outermost first. */
  readonly chain: readonly string[];
}

/** Step that is not in the sheet of this agent. */
export interface LeftOutStep {
  readonly name: string;
  readonly place: Place;
}
