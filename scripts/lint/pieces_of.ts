/**
 * Written parts of a text: in a template, those between the values; undefined if it is computed.
 *
 * A value at the start or the end of the text leaves an empty part there.
 */
export function piecesOf(
  node: Deno.lint.Node,
): readonly string[] | undefined {
  switch (node.type) {
    case "Literal":
      return typeof node.value === "string" ? [node.value] : undefined;
    case "TemplateLiteral":
      return node.quasis.map(({ cooked }) => cooked);
    case "BinaryExpression": {
      if (node.operator !== "+") return undefined;
      const left = piecesOf(node.left) ?? ["", ""];
      const right = piecesOf(node.right) ?? ["", ""];
      const joint = `${left.at(-1)}${right[0]}`;
      return [...left.slice(0, -1), joint, ...right.slice(1)];
    }
    default:
      return undefined;
  }
}
