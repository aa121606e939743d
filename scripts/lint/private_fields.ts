/**
 * Holds that members are private by `#`: unlike the keyword, it also holds at run time.
 *
 * Constructors and their parameters are left alone, because "#" cannot be written there.
 */
export const privateFields: Deno.lint.Rule = {
  create(context) {
    const check = (
      node: Deno.lint.PropertyDefinition | Deno.lint.MethodDefinition,
    ) => {
      if (node.accessibility !== "private") return;
      if (node.type === "MethodDefinition" && node.kind === "constructor") {
        return;
      }
      context.report({
        node,
        message: `The member is private by "private", not by "#"`,
        hint: `Write #name, without "private"`,
      });
    };
    return { PropertyDefinition: check, MethodDefinition: check };
  },
};
