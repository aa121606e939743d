import type { Clock } from "../../base/clock.ts";
import { PiriError } from "../../base/errors.ts";
import { type AgentTest, agentTest } from "../../targets/agent_test.ts";
import { parseTargets } from "../../targets/parse_targets.ts";
import { setsOf } from "../../targets/target_expression.ts";
import type { Sight } from "../api/access_api.ts";
import type { AgentRoster, RosterLists } from "../agents/agent_roster.ts";

/** Time for which a list of seen agents is good, in milliseconds. */
const GOOD_MS = 1_000;

/** Parts that sights are looked up in. */
export interface SightOptions {
  readonly roster: AgentRoster;
  readonly clock: Pick<Clock, "monotonic">;
}

/** Agents that a target expression lets an operator see: by names, groups and facts that operators set. */
export class TargetSight implements Sight {
  readonly #options: SightOptions;
  readonly #test: AgentTest;
  #seen: ReadonlySet<string> = new Set();
  #lists: RosterLists | undefined;
  #at = -Infinity;

  /** @throws {PiriError} INVALID_ARGUMENT */
  constructor(text: string, options: SightOptions) {
    this.#test = agentTest(parseSight(text));
    this.#options = options;
  }

  has(agent: string): boolean {
    return this.#now().has(agent);
  }

  names(): readonly string[] {
    return [...this.#now()];
  }

  #now(): ReadonlySet<string> {
    const { roster, clock } = this.#options;
    const now = clock.monotonic();
    const { lists } = roster;
    if (lists === this.#lists && now - this.#at < GOOD_MS) return this.#seen;
    // Not with the facts that agents tell: one could hide, or show itself.
    const agents = lists.all.map(({ name, groups, setFacts, connected }) => ({
      name,
      groups,
      connected,
      facts: setFacts,
    }));
    const seen = agents.filter(this.#test);
    this.#lists = lists;
    this.#at = now;
    return this.#seen = new Set(seen.map(({ name }) => name));
  }
}

/** Sights of operators by their target expressions. */
export class Sights {
  readonly #options: SightOptions;
  readonly #sights = new Map<string, TargetSight>();

  constructor(options: SightOptions) {
    this.#options = options;
  }

  /** Agents that an expression lets somebody see; undefined for an empty one, which bounds nothing. */
  of(see: string): Sight | undefined {
    if (see === "") return undefined;
    const sight = this.#sights.get(see) ?? new TargetSight(see, this.#options);
    this.#sights.set(see, sight);
    return sight;
  }

  /** Forgets those that no operator has any more. */
  keepOnly(used: ReadonlySet<string>): void {
    for (const see of this.#sights.keys()) {
      if (!used.has(see)) this.#sights.delete(see);
    }
  }
}

/** @throws {PiriError} INVALID_ARGUMENT */
export function checkSight(see: string, role: string): void {
  if (see === "") return;
  parseSight(see);
  if (role !== "admin") return;
  throw new PiriError(
    "INVALID_ARGUMENT",
    "Cannot bound what an admin sees: it could add an operator that sees all",
  );
}

function parseSight(text: string): ReturnType<typeof parseTargets> {
  const expression = parseTargets([text]);
  if (setsOf(expression).length === 0) return expression;
  throw new PiriError(
    "INVALID_ARGUMENT",
    "Cannot bound what an operator sees by a job: the bound lasts longer",
  );
}
