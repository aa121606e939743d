import { PiriError } from "../../base/errors.ts";
import type { TargetAgent } from "../../targets/agent_index.ts";
import type { AskedWork } from "../api/access_api.ts";
import type { Rule } from "./rule.ts";

/** Most rules that a refusal names. */
const MAX_NAMED = 3;

/** An agent as rules see it: with all its facts, and with those alone that operators set. */
export interface RuledAgent {
  readonly trusting: TargetAgent;
  readonly wary: TargetAgent;
}

/** Work that somebody asks for, and when, in milliseconds since 1970. */
export interface RuledWork extends AskedWork {
  readonly at: number;
}

/** Decision of an operator's rules on some work. */
export type Decision =
  | {
    readonly allowed: true;
    /** Name of the rule that allows it: of several, of one that needs most approvals. */
    readonly rule: string;
    /** Approvals by others that it needs. */
    readonly approvals: number;
  }
  | {
    readonly allowed: false;
    /** Rule that denies it; undefined if none allows it. */
    readonly rule: string | undefined;
    /** Refusal for people: attempt and fact. */
    readonly reason: string;
    /** The fact alone. */
    readonly fact: string;
  };

/** Decides if rules allow some work on all of the agents. A rule that denies wins; what no rule allows is denied. */
export function decide(
  operator: string,
  rules: readonly Rule[],
  work: RuledWork,
  agents: readonly RuledAgent[],
): Decision {
  const about = rules.filter((rule) => rule.isAbout(work));
  const now = about.filter((rule) => rule.countsAt(work.at));
  const matching = matcher(agents);
  const attempt = (name: string | undefined) =>
    `Cannot run ${work.operation} on "${name}"`;
  const refused = (attempt: string, fact: string, rule?: Rule): Decision => ({
    allowed: false,
    rule: rule?.name,
    reason: `${attempt}: ${fact}`,
    fact,
  });
  for (const rule of now) {
    if (!rule.record.deny) continue;
    const [name] = matching(rule);
    if (name === undefined) continue;
    return refused(attempt(name), `rule ${rule.name} denies it`, rule);
  }
  const { allowedBy, tooMany } = allowing(now, matching);
  const denied = agents.find(({ wary }) => !allowedBy.has(wary.name));
  if (denied !== undefined) {
    return tooMany === undefined
      ? refused(attempt(denied.wary.name), noRule(operator, about))
      : refused(
        `Cannot run ${work.operation} on ${agents.length} agents`,
        `rule ${tooMany.name} allows at most ${tooMany.record.most} at once`,
        tooMany,
      );
  }
  const [first, ...others] = new Set(allowedBy.values());
  if (first === undefined) {
    return refused(`Cannot run ${work.operation}`, noRule(operator, about));
  }
  const strictest = others.reduce(
    (one, other) => other.record.approve > one.record.approve ? other : one,
    first,
  );
  const { name, record: { approve: approvals } } = strictest;
  return { allowed: true, rule: name, approvals };
}

/** Names of those agents on which rules allow some work. */
export function allowedOf(
  rules: readonly Rule[],
  work: RuledWork,
  agents: readonly RuledAgent[],
): ReadonlySet<string> {
  const now = rules.filter((rule) =>
    rule.isAbout(work) && rule.countsAt(work.at)
  );
  const denied = new Set(
    now.filter(({ record }) => record.deny).flatMap(matcher(agents)),
  );
  const rest = agents.filter(({ wary }) => !denied.has(wary.name));
  return new Set(allowing(now, matcher(rest)).allowedBy.keys());
}

/** Error that tells which rule denies what was asked for. */
export class DeniedError extends PiriError {
  /** Name of the rule; empty if none allows it. */
  readonly rule: string;
  readonly operation: string;
  /** Names of the agents that it was asked for. */
  readonly agents: readonly string[];

  constructor(
    { reason, rule = "" }: Decision & { readonly allowed: false },
    { operation }: AskedWork,
    agents: readonly string[],
  ) {
    super("DENIED", reason);
    this.rule = rule;
    this.operation = operation;
    this.agents = agents;
  }
}

/** @throws {PiriError} DENIED */
export function requireAllowed(
  decision: Decision,
  work: AskedWork,
  agents: readonly string[],
): void {
  if (!decision.allowed) throw new DeniedError(decision, work, agents);
}

/** Rules that allow something, by the names of the agents, and one whose number of agents is exceeded. */
function allowing(
  rules: readonly Rule[],
  matching: (rule: Rule) => readonly string[],
): {
  readonly allowedBy: ReadonlyMap<string, Rule>;
  readonly tooMany: Rule | undefined;
} {
  const allowedBy = new Map<string, Rule>();
  let tooMany: Rule | undefined;
  // An agent needs as many approvals as the rule that asks for the fewest.
  const fewest = rules.toSorted((one, other) =>
    one.record.approve - other.record.approve
  );
  for (const rule of fewest) {
    if (rule.record.deny) continue;
    const names = matching(rule);
    const { most } = rule.record;
    if (most > 0 && names.length > most) {
      tooMany ??= rule;
      continue;
    }
    for (const name of names) {
      if (!allowedBy.has(name)) allowedBy.set(name, rule);
    }
  }
  return { allowedBy, tooMany };
}

function noRule(operator: string, about: readonly Rule[]): string {
  const allowing = about.filter(({ record }) => !record.deny);
  const named = allowing.slice(0, MAX_NAMED)
    .map(({ name, record }) =>
      `${name} allows "${record.onTargets}"${
        record.within === "" ? "" : ` within ${record.within}`
      }`
    );
  const more = allowing.length > MAX_NAMED
    ? [`and ${allowing.length - MAX_NAMED} more`]
    : [];
  const hint = named.length === 0 ? "" : ` (${[...named, ...more].join(", ")})`;
  return `no rule of "${operator}" allows it${hint}`;
}

/** Names of the agents that a rule is about. Each view of the agents is listed once, because its index is kept. */
function matcher(
  agents: readonly RuledAgent[],
): (rule: Rule) => readonly string[] {
  let trusting: readonly TargetAgent[] | undefined;
  let wary: readonly TargetAgent[] | undefined;
  return (rule) => {
    const list = rule.record.trustFacts
      ? trusting ??= agents.map((agent) => agent.trusting)
      : wary ??= agents.map((agent) => agent.wary);
    return rule.matching(list).map(({ name }) => name);
  };
}
