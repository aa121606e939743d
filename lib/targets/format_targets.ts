import { BARE_VALUE } from "./parse_fact.ts";
import { isReservedName } from "./reserved_names.ts";
import type {
  Piece,
  Span,
  TargetExpression,
  TargetNode,
} from "./target_expression.ts";

/** The one spelling of an expression, which reads as the same again. */
export function formatTargets({ node }: TargetExpression): string {
  return formatNode(node);
}

function formatNode(node: TargetNode): string {
  switch (node.kind) {
    case "all":
      return "all";
    case "word":
      return formatWord(node.pieces);
    case "group":
      return `@${formatName(node.group)}`;
    case "fact":
      return `${formatFact(node.fact)}${node.operator}${
        formatValue(node.value)
      }`;
    case "jobSet":
      return `@${node.set}(j-${node.job})`;
    case "presence":
      return node.connected ? "@connected" : "@away";
    case "union":
      return node.of.map(formatNode).join(",");
    case "term":
      return [
        formatPart(node.first),
        ...node.rest.map(({ operator, node }) =>
          `${operator === "and" ? "&" : "!"} ${formatPart(node)}`
        ),
      ].join(" ");
  }
}

/** A part of a term, in parentheses if it would otherwise bind more loosely. */
function formatPart(node: TargetNode): string {
  const text = formatNode(node);
  return node.kind === "union" || node.kind === "term" ? `(${text})` : text;
}

/** A name as it must be typed, in quotes if it would otherwise mean something else. */
export function formatName(name: string): string {
  return /^[A-Za-z0-9_][A-Za-z0-9._-]*$/.test(name) && !isReservedName(name)
    ? name
    : quoted(name.replaceAll(/[\\*?]/g, "\\$&"));
}

function formatWord(pieces: readonly Piece[]): string {
  const [piece] = pieces;
  return pieces.length === 1 && piece?.kind === "text"
    ? formatName(piece.text)
    : formatPieces(pieces);
}

function formatPieces(pieces: readonly Piece[]): string {
  return pieces.map((piece) => {
    switch (piece.kind) {
      case "text":
        return piece.text;
      case "any":
        return "*";
      case "one":
        return "?";
      case "choice":
        return `{${piece.of.map(formatPieces).join(",")}}`;
      case "range":
        return formatRange(piece);
    }
  }).join("");
}

/** Numbers in brackets, as `[01-20,25]`. */
export function formatRange(
  { width, spans }: { readonly width: number; readonly spans: readonly Span[] },
): string {
  const pad = (number: number) => String(number).padStart(width, "0");
  return `[${
    spans.map(({ from, to, step }) =>
      from === to
        ? pad(from)
        : `${pad(from)}-${pad(to)}${step === 1 ? "" : `/${step}`}`
    ).join(",")
  }]`;
}

function formatFact(fact: string): string {
  return /^[A-Za-z0-9_][A-Za-z0-9_.-]*$/.test(fact)
    ? fact
    : quoted(fact.replaceAll(/[\\*?]/g, "\\$&"));
}

function formatValue(value: string): string {
  // With a tilde in front, "=" would read as the operator "=~" of other languages.
  const bare = new RegExp(`^(?!~)(?:${BARE_VALUE.source})$`);
  return bare.test(value) ? value : quoted(value);
}

/** Quotes a pattern, whose backslashes and wildcards are as they should be read. */
function quoted(pattern: string): string {
  return `"${pattern.replaceAll('"', '\\"')}"`;
}
