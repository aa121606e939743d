import { pathOf } from "./path_of.ts";

type Importing =
  | Deno.lint.ImportDeclaration
  | Deno.lint.ExportNamedDeclaration
  | Deno.lint.ExportAllDeclaration
  | Deno.lint.ImportExpression;

/**
 * Holds that lib/ imports nothing above itself: no entry point, no test, no script.
 *
 * Rooms of lib/ have an order among themselves too. Its table is in tests/layers_test.ts, which this rule does not repeat.
 */
export const imports: Deno.lint.Rule = {
  create(context) {
    const path = pathOf(context.filename);
    if (!path.startsWith("lib/")) return {};
    const check = ({ source }: Importing) => {
      if (source?.type !== "Literal" || typeof source.value !== "string") {
        return;
      }
      if (!source.value.startsWith(".")) return;
      const { pathname } = new URL(source.value, `file:///${path}`);
      if (/^\/(?:lib|proto\/gen)\//.test(pathname)) return;
      context.report({
        node: source,
        message: `Cannot import "${pathname.slice(1)}" into lib/: it is above`,
        hint:
          "Pass what is needed in as a parameter, or move it down into a room of lib/",
      });
    };
    return {
      ImportDeclaration: check,
      ExportNamedDeclaration: check,
      ExportAllDeclaration(node) {
        check(node);
        context.report({
          node,
          message: `"export *" hides where a name comes from`,
          hint: "Import each name from the file that declares it",
        });
      },
      ImportExpression: check,
    };
  },
};
