import { basename, dirname, join } from "@std/path";
import { globMatches, hasWildcard } from "../../base/glob.ts";
import { isPlainPath, MORE } from "./rule_schema.ts";

/** Program as a command names it and as the system finds it. */
export interface NamedProgram {
  readonly given: string;
  /** Path without links in its folder. Its last name stays: a program may tell from it what to do, as busybox does. */
  readonly inFolder: string;
  /** Path without any link; undefined if there is no such file. */
  readonly real: string | undefined;
}

/** Finds out what a program's path leads to. */
export function namedProgram(given: string): NamedProgram {
  return { given, inFolder: inRealFolder(given), real: realPath(given) };
}

/**
 * True if a rule allows a program with these arguments. A program must be named by its path. The text of a wildcard
 * may not begin with "-", or be a path with "..", unless the rule writes that: both can mean quite another thing.
 */
export function argvAllowed(
  rule: readonly string[],
  words: readonly string[],
  program: NamedProgram,
): boolean {
  return fits(rule, words, {
    program: (pattern) => programAllowed(pattern, program),
    word: wordAllowed,
  });
}

/** True if a rule denies a program with these arguments, by whatever name it is called. */
export function argvDenied(
  rule: readonly string[],
  words: readonly string[],
  { given, inFolder, real }: NamedProgram,
): boolean {
  return fits(rule, words, {
    program: (pattern) =>
      [given, inFolder, ...real === undefined ? [] : [real]]
        .some((name) =>
          globMatches(pattern, name) || globMatches(inRealFolder(pattern), name)
        ),
    word: globMatches,
  });
}

function fits(
  [program = "", ...rule]: readonly string[],
  [, ...words]: readonly string[],
  test: {
    readonly program: (pattern: string) => boolean;
    readonly word: (pattern: string, word: string) => boolean;
  },
): boolean {
  const isOpen = rule.at(-1) === MORE;
  const wanted = isOpen ? rule.slice(0, -1) : rule;
  return (isOpen
    ? words.length >= wanted.length
    : words.length === wanted.length) &&
    program.split("|").some(test.program) &&
    wanted.every((pattern, index) =>
      pattern.split("|").some((each) => test.word(each, words[index] ?? ""))
    );
}

function programAllowed(
  pattern: string,
  { given, inFolder, real }: NamedProgram,
): boolean {
  if (!isPlainPath(given)) return false;
  if (!hasWildcard(pattern)) return inRealFolder(pattern) === inFolder;
  // Somebody could make a link in the folder.
  return globMatches(pattern, given) &&
    (real === undefined || globMatches(pattern, real));
}

function wordAllowed(pattern: string, word: string): boolean {
  if (!hasWildcard(pattern)) return pattern === word;
  if (pattern.startsWith("*") && word.startsWith("-")) return false;
  if (word.split(/[/=:,@]/).includes("..") && !pattern.includes("..")) {
    return false;
  }
  return globMatches(pattern, word);
}

function inRealFolder(path: string): string {
  const folder = realPath(dirname(path));
  return folder === undefined ? path : join(folder, basename(path));
}

function realPath(path: string): string | undefined {
  try {
    return Deno.realPathSync(path);
  } catch {
    return undefined;
  }
}
