import { expandWord } from "./expand_word.ts";
import { parseTargets } from "./parse_targets.ts";
import { isGlob } from "./parse_word.ts";
import type { TargetExpression, TargetNode } from "./target_expression.ts";

/** Names of agents that an expression names themselves, alone or in a range, and not by a glob, a group or a fact. */
export function namesIn({ node }: TargetExpression): ReadonlySet<string> {
  return new Set(namesOf(node));
}

/**
 * True if an expression names an agent itself, as `namesIn` finds them.
 *
 * @throws {PiriError} INVALID_ARGUMENT for an expression that cannot be read
 */
export function namesAgent(text: string, name: string): boolean {
  return namesIn(parseTargets([text])).has(name);
}

/** The same, but an expression that cannot be read names nobody. */
export function isNamedIn(text: string, name: string): boolean {
  try {
    return namesAgent(text, name);
  } catch {
    return false;
  }
}

function namesOf(node: TargetNode): readonly string[] {
  switch (node.kind) {
    case "word":
      return isGlob(node.pieces) ? [] : expandWord(node.pieces);
    case "fact":
      return node.fact === "name" ? [node.value] : [];
    case "union":
      return node.of.flatMap(namesOf);
    case "term":
      return [node.first, ...node.rest.map((part) => part.node)]
        .flatMap(namesOf);
    default:
      return [];
  }
}
