import { pathOf } from "./path_of.ts";
import { piecesOf } from "./pieces_of.ts";

const CLASSES = new Set(["PiriError", "HintedError", "Refusal"]);

/** Beginnings other than "Cannot": something happened that nobody attempted. */
const EVENTS = [
  "Lost the connection to ",
  "Stopped getting files",
  "Stopped waiting for ",
  "Stopped watching ",
  // The reason of an end, in the middle of a sentence.
  "the connection broke off",
];

const CONTRACTION =
  /\b\w+n't\b|\b(?:he|how|it|let|she|that|there|what|who)'s\b|\b\w+'(?:d|ll|m|re|ve)\b/i;

/**
 * Holds the form of error texts: "Cannot <attempt>: <what is so>", without period and contractions.
 *
 * Tests are left alone: nobody reads the errors that they make up.
 */
export const errorText: Deno.lint.Rule = {
  create(context) {
    if (pathOf(context.filename).startsWith("tests/")) return {};
    return {
      NewExpression({ callee, arguments: [, message] }) {
        if (callee.type !== "Identifier" || !CLASSES.has(callee.name)) return;
        for (const text of message === undefined ? [] : choicesOf(message)) {
          check(context, text);
        }
      },
    };
  },
};

function choicesOf(node: Deno.lint.Node): Deno.lint.Node[] {
  return node.type === "ConditionalExpression"
    ? [...choicesOf(node.consequent), ...choicesOf(node.alternate)]
    : [node];
}

function check(context: Deno.lint.RuleContext, node: Deno.lint.Node): void {
  const pieces = piecesOf(node);
  if (pieces === undefined) return;
  const [start = ""] = pieces;
  // Only the caller knows the beginning of a text that begins with a value.
  if (start !== "" && !isAttempt(start)) {
    context.report({
      node,
      message: `The error does not begin with "Cannot"`,
      hint:
        `Write "Cannot <attempt>: <what is so>"; an event that nobody attempted is listed in scripts/lint/error_text.ts`,
    });
  }
  if (pieces.at(-1)?.endsWith(".")) {
    context.report({
      node,
      message: "The error ends with a period",
      hint: "Leave the period out",
    });
  }
  const contraction = pieces.map((piece) => CONTRACTION.exec(piece)?.[0])
    .find((found) => found !== undefined);
  if (contraction !== undefined) {
    context.report({
      node,
      message: `The error has the contraction "${contraction}"`,
      hint: "Write both words out",
    });
  }
}

function isAttempt(start: string): boolean {
  return ["Cannot ", ...EVENTS].some((beginning) =>
    start.startsWith(beginning)
  );
}
