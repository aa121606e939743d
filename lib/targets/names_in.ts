import { expandWord } from "./expand_word.ts";
import { parseTargets } from "./parse_targets.ts";
import { isGlob } from "./parse_word.ts";
import type { TargetNode } from "./target_expression.ts";

/**
 * True if an expression names an agent itself, alone or in a range, and not by a glob, a group or a fact.
 *
 * @throws {PiriError} INVALID_ARGUMENT for an expression that cannot be read
 */
export function namesAgent(text: string, name: string): boolean {
  return isIn(parseTargets([text]).node, name);
}

/** The same, but an expression that cannot be read names nobody. */
export function isNamedIn(text: string, name: string): boolean {
  try {
    return namesAgent(text, name);
  } catch {
    return false;
  }
}

function isIn(node: TargetNode, name: string): boolean {
  switch (node.kind) {
    case "word":
      return !isGlob(node.pieces) && expandWord(node.pieces).includes(name);
    case "fact":
      return node.fact === "name" && node.value === name;
    case "union":
      return node.of.some((part) => isIn(part, name));
    case "term":
      return [node.first, ...node.rest.map((part) => part.node)]
        .some((part) => isIn(part, name));
    default:
      return false;
  }
}
