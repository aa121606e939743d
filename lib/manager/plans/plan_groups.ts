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
  // Keys of texts without a word of any host, by their hashes.
  const alike = new Map<string, string>();
  for (const { agent, changes, ownWords } of agents) {
    const text = textOf(changes);
    if (text === undefined || text === "[]") continue;
    const isOwn = namesOwn(text, ownWords);
    const key = (isOwn ? undefined : alike.get(changes)) ??
      withoutOwn(text, ownWords);
    if (!isOwn) alike.set(changes, key);
    const group = groups.get(key);
    if (group !== undefined) group.agents.push(agent);
    else groups.set(key, { agents: [agent], steps: JSON.parse(text) });
  }
  return [...groups.values()]
    .toSorted((one, other) => other.agents.length - one.agents.length);
}

/** True if a host's own words may be in a text in JSON: most texts have none, and are looked at once for all hosts. */
function namesOwn(json: string, ownWords: readonly string[]): boolean {
  return ownWords.some((word) =>
    json.includes(JSON.stringify(word).slice(1, -1))
  );
}

function withoutOwn(text: string, ownWords: readonly string[]): string {
  // Texts one by one: in JSON an escaped line break before a word would look like a part of it.
  return JSON.stringify(JSON.parse(text), (_, value) => {
    if (typeof value === "string") return withSelf(value, ownWords);
    // Sizes and hashes of contents that differ in a name differ, too.
    return isText(value) ? { what: value.what, text: value.text } : value;
  });
}

/** Text with a mark for each of a host's own words that stands by itself. The longest word at a place counts. */
function withSelf(text: string, ownWords: readonly string[]): string {
  const places = ownWords.flatMap((word) => placesOf(word, text))
    .toSorted((one, other) => one.at - other.at || other.end - one.end);
  let marked = "";
  let from = 0;
  for (const { at, end } of places) {
    if (at < from) continue;
    marked += text.slice(from, at) + SELF;
    from = end;
  }
  return marked + text.slice(from);
}

/** Places where a word stands by itself. One expression for each host's words would take memory for long. */
function placesOf(
  word: string,
  text: string,
): { readonly at: number; readonly end: number }[] {
  const places = [];
  for (
    let at = text.indexOf(word);
    at >= 0;
    at = text.indexOf(word, at + 1)
  ) {
    const end = at + word.length;
    if (!isWordBefore(text, at) && !isWordAt(text, end)) {
      places.push({ at, end });
    }
  }
  return places;
}

/** Character that a word goes on with. */
const IN_WORD = /^[\p{L}\p{N}_-]/u;

function isWordAt(text: string, at: number): boolean {
  return IN_WORD.test(text.slice(at, at + 2));
}

function isWordBefore(text: string, at: number): boolean {
  const [last = ""] = [...text.slice(Math.max(0, at - 2), at)].slice(-1);
  return IN_WORD.test(last);
}

function isText(value: unknown): value is { what: unknown; text: string } {
  return typeof value === "object" && value !== null && "text" in value &&
    "what" in value && typeof value.text === "string";
}
