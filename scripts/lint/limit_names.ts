const OTHER_WORD =
  /(?:^|_)(?:AT_MOST|MOST|MAXIMUM|AT_LEAST|LEAST|MINIMUM)(?=_|$)/;

/** Holds the names of limits: MAX_ and MIN_, as MAX_FRAME_BYTES. */
export const limitNames: Deno.lint.Rule = {
  create: (context) => ({
    VariableDeclarator({ id }) {
      if (id.type !== "Identifier") return;
      const word = OTHER_WORD.exec(id.name)?.[0];
      if (word === undefined) return;
      const start = /LEAST|MINIMUM/.test(word) ? "MIN" : "MAX";
      const rest = id.name.replace(word, "").replace(/^_?/, "_");
      context.report({
        node: id,
        message: `The name of a limit begins with MAX_ or MIN_`,
        hint: `Write ${start}${rest === "_" ? "_..." : rest}`,
      });
    },
  }),
};
