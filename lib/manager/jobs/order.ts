import { PiriError } from "../../base/errors.ts";
import type { Random } from "../../base/random.ts";
import type { JobLimits } from "../../store/job_records.ts";
import { shareOf } from "./limits.ts";

/** An agent of a job that is being made. */
export interface Candidate {
  readonly name: string;
  /** True if it is connected now. */
  readonly connected: boolean;
  /** True if it is not connected, and expected back at any moment. */
  readonly expected: boolean;
}

/** Order of starting. */
export interface StartOrder {
  /** Names of all agents, those that come first at the beginning. */
  readonly names: readonly string[];
  /** Number of agents that come first. */
  readonly canaries: number;
}

/**
 * Puts the agents of a job into the order of starting.
 *
 * @param candidates The agents in the order of their names.
 * @param limits Limits of the job.
 * @param options `named` are the agents of the expressions for canaries.
 * @throws {PiriError} UNAVAILABLE if no agent is connected that could come first; INVALID_ARGUMENT if none of the named
 * canaries is an agent of the job
 */
export function startOrder(
  candidates: readonly Candidate[],
  limits: JobLimits,
  { named, random }: {
    readonly named: ReadonlySet<string> | undefined;
    readonly random: Random;
  },
): StartOrder {
  const first = canariesOf(candidates, limits, { named, random });
  const rest = candidates.filter(({ name }) => !first.has(name));
  const parts = [candidates.filter(({ name }) => first.has(name)), rest];
  const names = parts.flatMap((part) => {
    const ordered = part.map(({ name }) => name);
    return limits.order === "random" ? shuffled(ordered, random) : ordered;
  });
  return { names, canaries: first.size };
}

function canariesOf(
  candidates: readonly Candidate[],
  { canary }: JobLimits,
  { named, random }: {
    readonly named: ReadonlySet<string> | undefined;
    readonly random: Random;
  },
): ReadonlySet<string> {
  if (named !== undefined) {
    const found = candidates.filter(({ name }) => named.has(name));
    if (found.length > 0) return new Set(found.map(({ name }) => name));
    throw new PiriError(
      "INVALID_ARGUMENT",
      "Cannot start the job: none of the agents that are to come first is one of its targets",
    );
  }
  if (canary === undefined) return new Set();
  const connected = candidates.filter((each) => each.connected);
  const usable = connected.length > 0
    ? connected
    : candidates.filter((each) => each.expected);
  if (usable.length === 0) {
    throw new PiriError(
      "UNAVAILABLE",
      "Cannot start the job: none of its agents is connected, and those that come first are chosen from these",
    );
  }
  const wanted = shareOf(canary, candidates.length);
  return new Set(
    shuffled(usable.map(({ name }) => name), random).slice(0, wanted),
  );
}

/** A random order. Source: Fisher and Yates. */
function shuffled(names: readonly string[], random: Random): string[] {
  const order = [...names];
  for (let at = order.length - 1; at > 0; at--) {
    const other = Math.floor(random.fraction() * (at + 1));
    const [one = "", two = ""] = [order[at], order[other]];
    order[at] = two;
    order[other] = one;
  }
  return order;
}
