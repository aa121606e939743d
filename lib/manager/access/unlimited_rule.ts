import { isInterpreter } from "../../base/interpreters.ts";
import type { NewRule } from "../../store/operator_records.ts";
import { Glob, hasWildcard, literalOf } from "../../targets/glob.ts";
import { RUN } from "./program_words.ts";
import { MORE } from "./rule.ts";

/**
 * True if anything can be run in the end by a rule, as by a shell.
 *
 * @param unlimitedOperations Names of the operations by which anything can be run.
 */
export function isUnlimited(
  { deny, operations, argv }: Pick<NewRule, "deny" | "operations" | "argv">,
  unlimitedOperations: readonly string[],
): boolean {
  if (deny) return false;
  const [program, ...words] = argv;
  if (program === undefined) {
    const globs = operations.map((name) => new Glob(name));
    return unlimitedOperations.some((name) =>
      globs.some((glob) => glob.matches(name))
    );
  }
  // Arguments are only for programs. A wildcard stands for slashes, too, and so for other folders.
  if (!operations.includes(RUN)) return false;
  if (hasWildcard(program)) return true;
  return isInterpreter(literalOf(program)) && isOpen(words);
}

/** True if what an interpreter is told is not spelled out. */
function isOpen(words: readonly string[]): boolean {
  return words.length === 0 ||
    words.some((word) => word === MORE || hasWildcard(word));
}
