import { sortNames } from "../../targets/compare_names.ts";
import type { RosterEntry } from "./agent_roster.ts";
import type { KnownNames, WantedNames } from "../api/operator_api.ts";

/** Names of these agents, of their groups and of their facts that begin with a text. */
export function knownNames(
  entries: readonly RosterEntry[],
  { prefix, agents, groups, facts }: WantedNames,
): KnownNames {
  const begins = (name: string) => name.startsWith(prefix);
  return {
    agents: agents ? entries.map(({ name }) => name).filter(begins) : [],
    groups: groups
      ? distinct(entries, ({ groups }) => groups).filter(begins)
      : [],
    facts: facts
      ? distinct(entries, ({ facts }) => Object.keys(facts)).filter(begins)
      : [],
  };
}

function distinct(
  entries: readonly RosterEntry[],
  namesOf: (entry: RosterEntry) => readonly string[],
): readonly string[] {
  const names = new Set<string>();
  for (const entry of entries) {
    for (const name of namesOf(entry)) names.add(name);
  }
  return sortNames([...names]);
}
