import type { ResolutionNotes } from "../../targets/resolve_targets.ts";
import type { JobSetKind } from "../../targets/target_expression.ts";

export type { TargetSelection } from "../../store/job_records.ts";

/** Agents that a selection means. */
export interface ResolvedTargets extends ResolutionNotes {
  /** Agents in the natural order of their names. */
  readonly agents: readonly {
    readonly name: string;
    readonly connected: boolean;
    /** Random id of its journal; empty if none is known. */
    readonly instance: string;
    readonly groups: readonly string[];
  }[];
  /** Counts of what the expressions mean and the selection leaves out. */
  readonly leftOut: {
    readonly retired: number;
    readonly notJoined: number;
    /** Away, and only connected ones were asked for. */
    readonly awayNotAsked: number;
  };
  /** Agents that a sample left out, a count. */
  readonly notSampled: number;
  /** Number that repeats the sample; absent without one. */
  readonly seed?: number;
}

/**
 * Finds the names of the agents that a job left in a set.
 *
 * @throws {PiriError} NOT_FOUND if there is no such job
 */
export type JobAgents = (
  kind: JobSetKind,
  job: bigint,
) => Promise<ReadonlySet<string>>;

/** Names that somebody types. */
export interface WantedNames {
  /** Text that the names begin with; all names if empty. */
  readonly prefix: string;
  /** True to list agents. */
  readonly agents: boolean;
  /** True to list groups. */
  readonly groups: boolean;
  /** True to list facts. */
  readonly facts: boolean;
  /** True for those of agents that are not enrolled, too. */
  readonly notEnrolled: boolean;
}

/** Names of agents, groups and facts, each in natural order. */
export interface KnownNames {
  /** Names of agents. */
  readonly agents: readonly string[];
  /** Groups of these agents. */
  readonly groups: readonly string[];
  /** Names of their facts. */
  readonly facts: readonly string[];
}

/** Agents that were pinged, and what their selection left out. */
export interface PingedAgents extends Omit<ResolvedTargets, "agents"> {
  /** Agents in the natural order of their names. */
  readonly agents: readonly PingedAgent[];
}

/** Answer of an agent to a ping. */
export interface PingedAgent {
  /** Name of the agent. */
  readonly name: string;
  /** True if it is connected. */
  readonly connected: boolean;
  /** Time from the Ping to its Pong, in milliseconds; undefined without an answer. */
  readonly roundTripMs: number | undefined;
  /** Version of its build; empty if none is known. */
  readonly version: string;
  /** Begin of its connection, or end of its last one as far as this run saw it, in milliseconds since 1970. */
  readonly since: number | undefined;
  /** Address that it is connected from; empty if it is not. */
  readonly address: string;
}
