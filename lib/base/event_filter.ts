/** Choice of events. An empty list allows all. */
export interface EventFilter {
  /** Names of agents. */
  readonly agents: readonly string[];
  /** Kinds, such as "agent_connected"; with an asterisk at the end, all that begin so. */
  readonly kinds: readonly string[];
}

/** The filter that every event passes. */
export const ALL_EVENTS: EventFilter = { agents: [], kinds: [] };

/** True if the filter allows an event of this agent and kind. */
export function allows(
  filter: EventFilter,
  { agent, kind }: { readonly agent: string | null; readonly kind: string },
): boolean {
  return allowsKind(filter, kind) &&
    (filter.agents.length === 0 ||
      (agent !== null && filter.agents.includes(agent)));
}

/** True if the filter allows events of this kind. */
export function allowsKind({ kinds }: EventFilter, kind: string): boolean {
  return kinds.length === 0 ||
    kinds.some((wanted) =>
      wanted.endsWith("*")
        ? kind.startsWith(wanted.slice(0, -1))
        : kind === wanted
    );
}
