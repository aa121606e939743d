/** Words that begin a clause, or a pronoun, in place of the subject. */
const NO_SUBJECT = new RegExp(
  `^(?:${
    [
      ...["What", "Who", "How", "Whether", "That", "So", "Where", "When"],
      ...["If", "As", "Like", "Such", "One for", "Also", "Not"],
      ...["It", "Its", "They", "Their", "This", "These", "Those"],
      ...["Here", "There", "Nobody", "Nothing"],
      ...["After", "At", "Before", "By", "For", "From", "In", "Of", "On"],
      ...["With", "Without"],
    ].join("|")
  })(?![\\w-])`,
);

/** Words that do not say enough, and what to write in their place. */
const IDIOMS: readonly (readonly [RegExp, string])[] = [
  [/\bso many\b/i, `a number: "at most 64 commands"`],
  [/\bso long(?! as)\b/i, `a number: "at most 5 s"`],
  [/\bwould else\b/i, `"would otherwise"`],
  [/\bof 2024\b/, `"legacy"`],
];

/** Holds that a doc comment begins with its subject or a verb, and has no riddle of the list. */
export const docStart: Deno.lint.Rule = {
  create: (context) => ({
    Program() {
      for (const comment of context.sourceCode.getAllComments()) {
        if (comment.type !== "Block" || !comment.value.startsWith("*")) {
          continue;
        }
        check(context, comment);
      }
    },
  }),
};

function check(
  context: Deno.lint.RuleContext,
  { value, range }: Deno.lint.BlockComment,
): void {
  const text = value.slice(1).replaceAll(/^\s*\*/gm, "").replaceAll(/\s+/g, " ")
    .trim();
  const word = NO_SUBJECT.exec(text)?.[0];
  if (word !== undefined) {
    context.report({
      range,
      message: `The doc comment begins with "${word}"`,
      hint:
        `Name the subject ("Bytes acknowledged so far.") or begin with the verb ("Stops delivering a command.")`,
    });
  }
  for (const [idiom, better] of IDIOMS) {
    const found = idiom.exec(text)?.[0];
    if (found === undefined) continue;
    context.report({
      range,
      message: `"${found}" leaves the reader to guess`,
      hint: `Write ${better}`,
    });
  }
}
