import { pathOf } from "./path_of.ts";

/** Beginnings of paths that are not clean yet, by rule. Nothing is added here: the list only gets shorter. */
export const PENDING: Readonly<Record<string, readonly string[]>> = {
  "doc-start": [],
  "error-text": [],
  "test-name": [],
};

/** Rules that say nothing about the paths that are pending for them. */
export function exceptPending(
  rules: Readonly<Record<string, Deno.lint.Rule>>,
  pending: Readonly<Record<string, readonly string[]>>,
): Record<string, Deno.lint.Rule> {
  return Object.fromEntries(
    Object.entries(rules).map(([name, rule]) => {
      const prefixes = pending[name] ?? [];
      const isPending = (path: string) =>
        prefixes.some((prefix) => path.startsWith(prefix));
      return [name, {
        create: (context) =>
          isPending(pathOf(context.filename)) ? {} : rule.create(context),
      }];
    }),
  );
}
