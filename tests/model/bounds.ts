import type { Rules } from "./rules.ts";
import type { Faults } from "./state.ts";

/** Furthest that an id may lie above an agent's last one. It stands for 2^48. */
export const AGENT_JUMP = 7;

/** Furthest that the Manager's ids follow the agents' in one run. It stands for 2^32. */
export const MANAGER_JUMP = 3;

/** An id that is beyond both. */
export const WILD_ID = 40;

/** How much may happen: everything within these bounds is searched. */
export interface Bounds {
  /** Requests of the operator, each for one command. */
  readonly requests: number;
  /** Cancels of commands that have not been sent. */
  readonly cancels: number;
  /** Dials of the agent and its copy together. */
  readonly dials: number;
  /** How many times each fault may happen. */
  readonly faults: Faults;
}

/** How a state goes on. */
export interface Model {
  readonly bounds: Bounds;
  readonly rules: Rules;
}
