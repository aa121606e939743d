import { PiriError } from "../../base/errors.ts";
import type { TargetAgent } from "../../targets/agent_index.ts";
import type { AskedWork } from "../access_api.ts";
import type { Rule } from "./rule.ts";

/** Most rules that a refusal names. */
const MAX_NAMED = 3;

/** An agent as rules see it: with all its facts, and with those alone that operators set. */
export interface RuledAgent {
  readonly trusting: TargetAgent;
  readonly wary: TargetAgent;
}

/** Decision of an operator's rules on some work. */
export type Decision =
  | {
    readonly allowed: true;
    /** Name of a rule that allows it on the first agent. */
    readonly rule: string;
  }
  | {
    readonly allowed: false;
    /** Rule that denies it; undefined if none allows it. */
    readonly rule: string | undefined;
    /** Refusal for people. */
    readonly reason: string;
  };

/** Decides if rules allow some work on all of the agents. A rule that denies wins; what no rule allows is denied. */
export function decide(
  operator: string,
  rules: readonly Rule[],
  work: AskedWork,
  agents: readonly RuledAgent[],
): Decision {
  const about = rules.filter((rule) => rule.isAbout(work));
  const matching = matcher(agents);
  const allowedBy = new Map<string, string>();
  const attempt = (name: string | undefined) =>
    `Cannot run ${work.operation} on "${name}"`;
  const refused = (reason: string, rule?: Rule): Decision => ({
    allowed: false,
    rule: rule?.name,
    reason,
  });
  for (const rule of about) {
    if (!rule.record.deny) continue;
    const [name] = matching(rule);
    if (name === undefined) continue;
    return refused(`${attempt(name)}: rule ${rule.name} denies it`, rule);
  }
  let tooMany: Rule | undefined;
  for (const rule of about) {
    if (rule.record.deny) continue;
    const names = matching(rule);
    const { most } = rule.record;
    if (most > 0 && names.length > most) {
      tooMany ??= rule;
      continue;
    }
    for (const name of names) {
      if (!allowedBy.has(name)) allowedBy.set(name, rule.name);
    }
  }
  const denied = agents.find(({ wary }) => !allowedBy.has(wary.name));
  if (denied !== undefined) {
    return refused(
      tooMany === undefined
        ? `${attempt(denied.wary.name)}: ${noRule(operator, about)}`
        : `Cannot run ${work.operation} on ${agents.length} agents: rule ${tooMany.name} allows at most ${tooMany.record.most} at once`,
      tooMany,
    );
  }
  const [first] = allowedBy.values();
  return first === undefined
    ? refused(`Cannot run ${work.operation}: ${noRule(operator, about)}`)
    : { allowed: true, rule: first };
}

/** @throws {PiriError} DENIED */
export function requireAllowed(decision: Decision): void {
  if (!decision.allowed) throw new PiriError("DENIED", decision.reason);
}

function noRule(operator: string, about: readonly Rule[]): string {
  const allowing = about.filter(({ record }) => !record.deny);
  const named = allowing.slice(0, MAX_NAMED)
    .map(({ name, record }) => `${name} allows "${record.onTargets}"`);
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
