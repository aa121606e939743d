import {
  type AgentIndex,
  type Chosen,
  factOf,
  isBuiltIn,
} from "./agent_index.ts";
import { factTest } from "./compare_facts.ts";
import { expandWord } from "./expand_word.ts";
import { Glob } from "./glob.ts";
import { isGlob } from "./parse_word.ts";
import type { JobSetKind, TargetNode, TermPart } from "./target_expression.ts";

type Fact = TargetNode & { readonly kind: "fact" };
type Word = TargetNode & { readonly kind: "word" };

/** Finds the agents of one expression, and collects what it names that is not there. */
export class Evaluation {
  /** Names that were typed and that no agent has. */
  readonly missing = new Set<string>();
  readonly unknownGroups = new Set<string>();
  readonly unknownFacts = new Set<string>();
  /** Number of agents that lack a fact, by fact. */
  readonly lacking = new Map<string, number>();
  readonly unmatched = new Set<string>();
  /** Names in sets of jobs that no agent has any more. */
  readonly gone = new Set<string>();
  readonly #index: AgentIndex;
  readonly #sets: (kind: JobSetKind, job: bigint) => ReadonlySet<string>;

  constructor(
    index: AgentIndex,
    sets: (kind: JobSetKind, job: bigint) => ReadonlySet<string>,
  ) {
    this.#index = index;
    this.#sets = sets;
  }

  /** Picks the agents that a node means out of some, in a new set. */
  evaluate(node: TargetNode, within: Chosen): Chosen {
    switch (node.kind) {
      case "all":
        return within.slice();
      case "union": {
        const union = this.#index.none();
        for (const part of node.of) this.#add(part, within, union);
        return union;
      }
      case "term":
        return this.#term(node.first, node.rest, within);
      default: {
        const found = this.#index.none();
        this.#add(node, within, found);
        return found;
      }
    }
  }

  /** Adds those that a node means to a set. */
  #add(node: TargetNode, within: Chosen, to: Chosen): void {
    switch (node.kind) {
      case "word":
        return this.#addWord(node, within, to);
      case "group": {
        const members = this.#index.group(node.group);
        if (members === undefined) this.unknownGroups.add(node.group);
        for (const index of members ?? []) addOne(index, within, to);
        return;
      }
      case "jobSet":
        for (const name of this.#sets(node.set, node.job)) {
          const index = this.#index.byName.get(name);
          if (index === undefined) this.gone.add(name);
          else addOne(index, within, to);
        }
        return;
      case "presence":
        for (const [index, { connected }] of this.#index.agents.entries()) {
          if (connected === node.connected) addOne(index, within, to);
        }
        return;
      case "fact":
        return this.#addFact(node, within, to);
      default:
        for (const [index, bit] of this.evaluate(node, within).entries()) {
          if (bit === 1) to[index] = 1;
        }
    }
  }

  /** Facts come last, so that only the agents that are left count as lacking them. */
  #term(first: TargetNode, rest: readonly TermPart[], within: Chosen): Chosen {
    const parts: readonly TermPart[] = [
      { operator: "and", node: first },
      ...rest,
    ];
    let left = within.slice();
    for (
      const { operator, node } of parts.toSorted((one, other) =>
        Number(hasFact(one.node)) - Number(hasFact(other.node))
      )
    ) {
      const found = this.evaluate(node, left);
      if (operator === "and") left = found;
      else {
        for (const [index, bit] of found.entries()) {
          if (bit === 1) left[index] = 0;
        }
      }
    }
    return left;
  }

  #addWord({ pieces }: Word, within: Chosen, to: Chosen): void {
    const texts = expandWord(pieces);
    if (!isGlob(pieces)) {
      for (const name of texts) {
        const index = this.#index.byName.get(name);
        if (index === undefined) this.missing.add(name);
        else addOne(index, within, to);
      }
      return;
    }
    const { agents } = this.#index;
    for (const text of texts) {
      const glob = new Glob(text);
      let matched = false;
      for (let index = 0; index < agents.length; index++) {
        if (!glob.matches(agents[index]?.name ?? "")) continue;
        matched = true;
        addOne(index, within, to);
      }
      if (!matched) this.unmatched.add(text);
    }
  }

  #addFact(node: Fact, within: Chosen, to: Chosen): void {
    if (node.fact === "group") return this.#addGroups(node, within, to);
    const { agents } = this.#index;
    const test = factTest(node.fact, node.operator, node.value);
    let isKnown = isBuiltIn(node.fact);
    let lacking = 0;
    for (const [index, agent] of agents.entries()) {
      if (within[index] !== 1) continue;
      const value = factOf(agent, node.fact);
      const answer = value === undefined ? undefined : test(value);
      if (value !== undefined) isKnown = true;
      if (answer === undefined) lacking++;
      else if (answer) to[index] = 1;
    }
    isKnown ||= agents.some((agent) => factOf(agent, node.fact) !== undefined);
    if (!isKnown) this.unknownFacts.add(node.fact);
    if (lacking === 0) return;
    const before = this.lacking.get(node.fact) ?? 0;
    this.lacking.set(node.fact, Math.max(before, lacking));
  }

  /** An agent is in many groups: any of them may be equal, and none may be for `!=`. */
  #addGroups({ operator, value }: Fact, within: Chosen, to: Chosen): void {
    const isUnequal = operator === "!=";
    const test = factTest("group", isUnequal ? "=" : operator, value);
    for (const [index, { groups }] of this.#index.agents.entries()) {
      const matches = groups.some((group) => test(group) === true);
      if (matches !== isUnequal) addOne(index, within, to);
    }
  }
}

function addOne(index: number, within: Chosen, to: Chosen): void {
  if (within[index] === 1) to[index] = 1;
}

function hasFact(node: TargetNode): boolean {
  if (node.kind === "union") return node.of.some(hasFact);
  if (node.kind === "term") {
    return hasFact(node.first) || node.rest.some(({ node }) => hasFact(node));
  }
  return node.kind === "fact";
}
