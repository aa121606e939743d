import { pathOf } from "./path_of.ts";

const NAMELESS = /^(?:index|mod|util|utils|helper|helpers|common|misc)\.ts$/;
const SNAKE_CASE = /^[a-z0-9]+(?:_[a-z0-9]+)*(?:\.d)?\.ts$/;

/** Holds the names of files: snake_case after the main export, and no barrel but the mod.ts at the top. */
export const fileName: Deno.lint.Rule = {
  create: (context) => ({
    Program(node) {
      const path = pathOf(context.filename);
      const name = path.slice(path.lastIndexOf("/") + 1);
      const { range: [start] } = node;
      const report = (message: string, hint: string) =>
        context.report({ range: [start, start], message, hint });
      if (path !== "mod.ts" && NAMELESS.test(name)) {
        report(
          `"${name}" says nothing about its contents`,
          "Name the file after its main export; if it has none, give each export a file",
        );
      } else if (!SNAKE_CASE.test(name)) {
        report(
          `"${name}" is not snake_case`,
          "Name the file after its main export, as sqlite_store.ts for SqliteStore",
        );
      }
    },
  }),
};
