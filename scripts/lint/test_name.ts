import { piecesOf } from "./pieces_of.ts";

const MAX_CHARACTERS = 95;

/** Functions of the tests whose first argument is the name of a test. */
const TESTING = /^(?:Deno\.test(?:\.(?:ignore|only))?|\w*[sS]tory)$/;

/** Holds the length of test names, as far as it is written out. */
export const testName: Deno.lint.Rule = {
  create: (context) => ({
    CallExpression({ callee, arguments: [name] }) {
      if (name === undefined) return;
      if (!TESTING.test(context.sourceCode.getText(callee))) return;
      const pieces = piecesOf(name);
      if (pieces === undefined) return;
      const length = pieces.join("").length;
      if (length > MAX_CHARACTERS) {
        context.report({
          node: name,
          message:
            `The test's name has ${length} characters: the limit is ${MAX_CHARACTERS}`,
          hint:
            "Name the subject first, then its behaviour; move conditions into the test, or split it",
        });
      }
      if (pieces.at(-1)?.endsWith(".")) {
        context.report({
          node: name,
          message: "The test's name ends with a period",
          hint: "Leave the period out",
        });
      }
    },
  }),
};
