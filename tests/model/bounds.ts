import type { Rules } from "./rules.ts";
import type { Faults } from "./state.ts";

/** Greatest distance of an id from an agent's last one. It stands for 2^48. */
export const AGENT_JUMP = 7;

/** Greatest distance that the Manager's ids follow the agents' in one run. It stands for 2^32. */
export const MANAGER_JUMP = 3;

/** An id that is beyond both limits. */
export const WILD_ID = 40;

/** Bounds of a search. Everything within them is searched. */
export interface Bounds {
  /** Requests of the operator, each for one command. */
  readonly requests: number;
  /** Numbers of the requests that are made as entries of jobs. */
  readonly entries: readonly number[];
  /** Cancels of commands that have not been sent, and ends of entries without a command. */
  readonly cancels: number;
  /** Cancels of commands that were sent, and commands that are given up. */
  readonly stops: number;
  /** Dials of the agent and its copy together. */
  readonly dials: number;
  /** Number of times that each fault may happen. */
  readonly faults: Faults;
}

/** Bounds and rules, which decide the steps from each state. */
export interface Model {
  readonly bounds: Bounds;
  readonly rules: Rules;
}
