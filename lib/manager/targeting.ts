import { PiriError } from "../base/errors.ts";
import type { Random } from "../base/random.ts";
import { parseTargets } from "../targets/parse_targets.ts";
import {
  matchingAgents,
  type MissingName,
  type ResolvedNames,
  resolveTargets,
  type TargetWorld,
} from "../targets/resolve_targets.ts";
import { sampleNames } from "../targets/sample_names.ts";
import { setsOf, type TargetExpression } from "../targets/target_expression.ts";
import type { Sight } from "./api/operator_api.ts";
import type { AgentRoster, RosterEntry } from "./agents/agent_roster.ts";
import type { Fleet } from "./fleet.ts";
import type {
  JobAgents,
  ResolvedTargets,
  TargetSelection,
} from "./api/operator_api.ts";

export interface TargetingOptions {
  readonly roster: AgentRoster;
  readonly fleet: Fleet;
  readonly random: Random;
  /** Agents that a job left in a set; NOT_FOUND for a job that is not there. */
  readonly jobAgents?: JobAgents;
}

/** Finds the agents of target expressions: all that are enrolled, connected or not. */
export class Targeting {
  readonly #options: TargetingOptions;
  readonly #jobAgents: JobAgents;

  constructor(options: TargetingOptions) {
    this.#options = options;
    this.#jobAgents = options.jobAgents ?? noJob;
  }

  /**
   * Finds the enrolled agents that a selection means. Those that the asker does not see are not there for it.
   *
   * @throws {PiriError} INVALID_ARGUMENT with the place, NOT_FOUND with all unknown names, or for a selection that means
   * nobody; UNAVAILABLE if only connected ones are asked for and none is
   */
  async resolve(
    selection: TargetSelection,
    sight?: Sight,
  ): Promise<ResolvedTargets> {
    const { expressions, exclude = [], allowMissing = false } = selection;
    const wanted = parseTargets(expressions);
    const unwanted = exclude.length === 0 ? undefined : parseTargets(exclude);
    const sets = await this.#loadSets(
      [wanted, ...unwanted ? [unwanted] : []],
      sight,
    );
    const { roster } = this.#options;
    const leftOut = this.#leftOut(wanted, sets, sight);
    const world: TargetWorld = {
      agents: seenOf(roster.lists.enrolled, sight),
      sets,
      notes: notesOf(leftOut),
      reasonOf: (name) =>
        isSeen(name, sight) ? reasonOf(roster.get(name)) : undefined,
    };
    const found = resolveTargets(wanted, world, { allowMissing });
    const without = unwanted && resolveTargets(unwanted, world, {
      allowMissing,
      allowNobody: true,
    });
    return {
      ...this.#choose(found, without, selection),
      leftOut: { ...leftOut, ...this.#away(found, without, selection) },
    };
  }

  /**
   * Names of all entries that expressions mean, the retired ones and those that have not joined among them.
   *
   * @throws {PiriError} INVALID_ARGUMENT, NOT_FOUND
   */
  async entriesOf(
    expressions: readonly string[],
  ): Promise<readonly string[]> {
    const wanted = parseTargets(expressions);
    const sets = await this.#loadSets([wanted]);
    const agents = this.#options.roster.lists.all;
    return resolveTargets(wanted, { agents, sets }).names;
  }

  #choose(
    found: ResolvedNames,
    without: ResolvedNames | undefined,
    { connectedOnly = false, limit, seed }: TargetSelection,
  ): Omit<ResolvedTargets, "leftOut"> {
    const { fleet, random } = this.#options;
    const names = minus(found, without);
    const chosen = connectedOnly
      ? names.filter((name) => fleet.session(name) !== undefined)
      : names;
    if (chosen.length === 0) throw nobodyLeft(found, names);
    const used = limit === undefined ? undefined : seed ?? newSeed(random);
    const sample = used === undefined || limit === undefined
      ? chosen
      : sampleNames(chosen, limit, used);
    return {
      agents: sample.map((name) => this.#target(name)),
      missing: uniqueMissing([...found.missing, ...without?.missing ?? []]),
      lacking: [...found.lacking, ...without?.lacking ?? []],
      unmatched: [...found.unmatched, ...without?.unmatched ?? []],
      gone: found.gone,
      notSampled: chosen.length - sample.length,
      ...used === undefined ? {} : { seed: used },
    };
  }

  #target(name: string): ResolvedTargets["agents"][number] {
    const { fleet, roster } = this.#options;
    const session = fleet.session(name);
    const entry = roster.get(name);
    return {
      name,
      connected: session !== undefined,
      instance: session?.instance ?? entry?.instance ?? "",
      groups: entry?.groups ?? [],
    };
  }

  #away(
    found: ResolvedNames,
    without: ResolvedNames | undefined,
    { connectedOnly = false }: TargetSelection,
  ): { awayNotAsked: number } {
    const { fleet } = this.#options;
    return {
      awayNotAsked: connectedOnly
        ? minus(found, without).filter((name) =>
          fleet.session(name) === undefined
        ).length
        : 0,
    };
  }

  /** Counts what the expression would mean, too, if it were enrolled. */
  #leftOut(
    wanted: TargetExpression,
    sets: TargetWorld["sets"],
    sight: Sight | undefined,
  ): { retired: number; notJoined: number } {
    const others = seenOf(this.#options.roster.lists.others, sight)
      .filter(({ revoked }) => !revoked);
    const meant = others.length === 0
      ? []
      : matchingAgents(wanted, { agents: others, sets });
    const retired = meant.filter(({ retired }) => retired).length;
    return { retired, notJoined: meant.length - retired };
  }

  /** Refuses a job with an agent that the asker does not see: it is not there for it. */
  async #requireSeen(job: bigint, sight: Sight | undefined): Promise<void> {
    if (sight === undefined) return;
    const agents = [...await this.#jobAgents("job", job)];
    if (!agents.every((agent) => sight.has(agent))) await noJob("job", job);
  }

  async #loadSets(
    expressions: readonly TargetExpression[],
    sight?: Sight,
  ): Promise<TargetWorld["sets"]> {
    const wanted = expressions.flatMap(setsOf);
    const loaded = new Map<string, ReadonlySet<string>>();
    for (const { kind, job } of wanted) {
      const key = `${kind} ${job}`;
      if (loaded.has(key)) continue;
      await this.#requireSeen(job, sight);
      loaded.set(key, await this.#jobAgents(kind, job));
    }
    return (kind, job) => loaded.get(`${kind} ${job}`) ?? new Set();
  }
}

/** Picks the entries that somebody sees. The list stays the same for who sees all, as its index is kept. */
function seenOf(
  entries: readonly RosterEntry[],
  sight: Sight | undefined,
): readonly RosterEntry[] {
  return sight === undefined
    ? entries
    : entries.filter(({ name }) => sight.has(name));
}

function isSeen(name: string, sight: Sight | undefined): boolean {
  return sight === undefined || sight.has(name);
}

function reasonOf(entry: RosterEntry | undefined): string | undefined {
  if (entry === undefined || entry.enrolled) return undefined;
  return entry.revoked ? "revoked" : entry.retired ? "retired" : "not joined";
}

function notesOf(
  { retired, notJoined }: { retired: number; notJoined: number },
): string[] {
  return [
    ...retired > 0 ? [`${countOf(retired)} left out as retired`] : [],
    ...notJoined > 0 ? [`${countOf(notJoined)} left out as not joined`] : [],
  ];
}

function countOf(count: number): string {
  return count === 1 ? "1 agent is" : `${count} agents are`;
}

function minus(
  { names }: ResolvedNames,
  without: ResolvedNames | undefined,
): readonly string[] {
  if (without === undefined) return names;
  const unwanted = new Set(without.names);
  return names.filter((name) => !unwanted.has(name));
}

function uniqueMissing(missing: readonly MissingName[]): MissingName[] {
  return [...new Map(missing.map((each) => [each.name, each])).values()];
}

function nobodyLeft(
  { names }: ResolvedNames,
  wanted: readonly string[],
): PiriError {
  const count = names.length === 1 ? "the agent" : `all ${names.length} agents`;
  return wanted.length === 0
    ? new PiriError(
      "NOT_FOUND",
      `Cannot find the targets: ${count} that they mean ${
        names.length === 1 ? "is" : "are"
      } excluded`,
    )
    : new PiriError(
      "UNAVAILABLE",
      `Cannot find the targets: none of the ${
        wanted.length === 1 ? "agents" : `${wanted.length} agents`
      } that they mean is connected`,
    );
}

function newSeed(random: Random): number {
  const [a = 0, b = 0, c = 0] = random.bytes(3);
  // Short enough to be typed again.
  return a * 65_536 + b * 256 + c;
}

function noJob(_kind: string, job: bigint): Promise<ReadonlySet<string>> {
  return Promise.reject(
    new PiriError(
      "NOT_FOUND",
      `Cannot find the targets: there is no job j-${job}`,
    ),
  );
}
