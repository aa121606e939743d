import { piecesOf } from "./pieces_of.ts";

const MAX_CHARACTERS = 95;

/** Calls with the name of a test, or of a step of one, among their texts. */
const TESTING =
  /^(?:Deno\.test(?:\.(?:ignore|only))?\(|(?:t|test)\.step\(|step\(\s*t,|(?:\w*[sS]tory|\w+Test)\()/;

/** Words that begin a name in place of its subject, unless they are code, as in "within()". */
const NO_SUBJECT = new RegExp(
  `^(?:${
    [
      ...["what", "whatever", "who", "whoever", "whom", "which", "whether"],
      ...["where", "wherever", "when", "whenever", "if", "how", "while"],
      ...["nothing", "nobody", "neither", "only", "there", "it", "those"],
      ...["after", "at(?! most| least)", "before", "behind", "by", "for"],
      ...["from", "in", "inside", "of", "on", "once", "outside", "over"],
      ...["past", "to", "under", "until", "with", "within", "without"],
    ].join("|")
  })(?![\\w(.:-])`,
  "i",
);

/** Holds the beginning, the end and the length of test names, as far as they are written out. */
export const testName: Deno.lint.Rule = {
  create: (context) => ({
    CallExpression(call) {
      if (!TESTING.test(context.sourceCode.getText(call))) return;
      for (const node of call.arguments.flatMap(nameIn)) {
        const pieces = piecesOf(node);
        if (pieces !== undefined) check(context, node, pieces);
      }
    },
  }),
};

/** Node of a name: the argument itself, or the property "name" of an object. */
function nameIn(argument: Deno.lint.Node): readonly Deno.lint.Node[] {
  if (argument.type !== "ObjectExpression") return [argument];
  return argument.properties.flatMap((property) =>
    property.type === "Property" && property.key.type === "Identifier" &&
      property.key.name === "name"
      ? [property.value]
      : []
  );
}

function check(
  context: Deno.lint.RuleContext,
  node: Deno.lint.Node,
  pieces: readonly string[],
): void {
  const length = pieces.join("").length;
  if (length > MAX_CHARACTERS) {
    context.report({
      node,
      message:
        `The test's name has ${length} characters: the limit is ${MAX_CHARACTERS}`,
      hint:
        "Name the subject first, then its behaviour; move conditions into the test, or split it",
    });
  }
  const word = NO_SUBJECT.exec(pieces[0] ?? "")?.[0];
  if (word !== undefined) {
    context.report({
      node,
      message: `The test's name begins with "${word}"`,
      hint:
        'Begin with the subject, as in "a file that is not there is refused"',
    });
  }
  if (pieces.at(-1)?.endsWith(".")) {
    context.report({
      node,
      message: "The test's name ends with a period",
      hint: "Leave the period out",
    });
  }
}
