import { expandWord } from "./expand_word.ts";
import { isGlob } from "./parse_word.ts";
import type { TargetExpression, TargetNode } from "./target_expression.ts";

/** Names that an expression spells out, wherever in it. */
export function literalNames({ node }: TargetExpression): readonly string[] {
  return namesIn(node);
}

function namesIn(node: TargetNode): readonly string[] {
  switch (node.kind) {
    case "word":
      return isGlob(node.pieces) ? [] : expandWord(node.pieces);
    case "union":
      return node.of.flatMap(namesIn);
    case "term":
      return [node.first, ...node.rest.map((part) => part.node)]
        .flatMap(namesIn);
    default:
      return [];
  }
}
