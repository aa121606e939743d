import type { PlanAgentRecord } from "../../store/plan_records.ts";
import type { PlanGroup, PlannedStep } from "../api/plan_api.ts";

/** Shortest word that counts as a host's own, in characters: others stand in texts by chance. */
const MIN_OWN_WORD = 3;

/** Stands for a host's own words when changes are compared. */
const SELF = "\u0000";

/** Names of facts that tell a host from others. */
const OWN_FACT = /(^|\.)(hostname|fqdn|ipv4|ipv6|address|addresses|mac)$/;

/** Words that tell a host from others: the agent's name, host names and addresses. */
export function ownWordsOf(
  agent: string,
  facts: Readonly<Record<string, string>>,
): string[] {
  const words = Object.entries(facts)
    .filter(([name]) => OWN_FACT.test(name))
    .flatMap(([, value]) => value.split(/[\s,;]+/));
  return [...new Set([agent, ...words])]
    .filter((word) => word.length >= MIN_OWN_WORD)
    .toSorted((one, other) => other.length - one.length);
}

/** Puts agents together that have the same changes but for their own names and addresses; the largest group comes first. */
export function groupsOf(
  agents: readonly PlanAgentRecord[],
  textOf: (sha256: string) => string | undefined,
): PlanGroup[] {
  const groups = new Map<
    string,
    { readonly agents: string[]; readonly steps: readonly PlannedStep[] }
  >();
  for (const { agent, changes, ownWords } of agents) {
    const text = textOf(changes);
    if (text === undefined || text === "[]") continue;
    const key = withoutOwn(text, ownWords);
    const group = groups.get(key);
    if (group !== undefined) group.agents.push(agent);
    else groups.set(key, { agents: [agent], steps: JSON.parse(text) });
  }
  return [...groups.values()]
    .toSorted((one, other) => other.agents.length - one.agents.length);
}

function withoutOwn(text: string, ownWords: readonly string[]): string {
  if (ownWords.length === 0) return text;
  const any = ownWords.map((word) =>
    word.replaceAll(/[\\^$.*+?()[\]{}|/]/g, "\\$&")
  ).join("|");
  const own = new RegExp(
    `(?<![\\p{L}\\p{N}_-])(${any})(?![\\p{L}\\p{N}_-])`,
    "gu",
  );
  // Texts one by one: in JSON an escaped line break before a word would look like a part of it.
  return JSON.stringify(JSON.parse(text), (_, value) => {
    if (typeof value === "string") return value.replaceAll(own, SELF);
    // Sizes and hashes of contents that differ in a name differ, too.
    return isText(value) ? { what: value.what, text: value.text } : value;
  });
}

function isText(value: unknown): value is { what: unknown; text: string } {
  return typeof value === "object" && value !== null && "text" in value &&
    "what" in value && typeof value.text === "string";
}
