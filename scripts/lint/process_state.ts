import { pathOf } from "./path_of.ts";

/** Calls that change what all threads of a process share; Deno.umask() without an argument reads. */
const CHANGE = /^Deno\.(?:env\.(?:set|delete)|chdir|umask)(?=\((?!\)))/;

/**
 * Holds that tests change neither the variables, nor the folder, nor the umask of their process: other tests run in it at
 * the same time. Programs that tests start have a process of their own.
 */
export const processState: Deno.lint.Rule = {
  create: (context) => ({
    CallExpression(node) {
      const path = pathOf(context.filename);
      if (!path.startsWith("tests/") || path.endsWith("_program.ts")) return;
      const call = CHANGE.exec(context.sourceCode.getText(node))?.[0];
      if (call === undefined) return;
      context.report({
        node,
        message: `${call}() changes the process that other tests run in`,
        hint:
          "Start another process, as tests/operations/run_elsewhere.ts does; its file ends with _program.ts",
      });
    },
  }),
};
