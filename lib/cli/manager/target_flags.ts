import type { TargetSelectionInit } from "../../../proto/gen/piri/control/v1/control_messages.ts";
import { codeOf, messageOf, PiriError } from "../../base/errors.ts";
import type { Flags, HelpSection, Invocation } from "../command.ts";
import { HintedError } from "../errors.ts";
import { errorAt, placedError, type PlacedTargets } from "./target_places.ts";
import { readTextFile } from "./text_file.ts";

/** Flags that choose the agents of a request, beside target expressions. */
export const TARGET_FLAGS = {
  exclude: {
    type: "repeated",
    value: "EXPR",
    summary: "leave out the agents that this target expression means",
  },
  connected: {
    type: "boolean",
    summary: "leave out agents that are not connected, and print how many",
  },
  "allow-missing": {
    type: "boolean",
    summary:
      "print a note for names that are not enrolled, instead of an error",
  },
  limit: {
    type: "string",
    value: "N|N%",
    summary: "take a random sample of this size",
  },
  seed: {
    type: "number",
    needs: ["limit"],
    value: "N",
    summary: "repeat the sample of this seed, which --limit prints",
    least: 0,
    most: 2 ** 32 - 1,
  },
  "targets-file": {
    type: "string",
    value: "FILE",
    summary:
      'file of target expressions, one a line, with # for comments; "-" for stdin',
  },
} as const satisfies Flags;

/** Section of the help about target expressions. */
export const TARGET_HELP: HelpSection = {
  title: "Target expressions",
  lines: [
    ["web-1, web-*, all", "a name, a glob, all enrolled agents"],
    ["web-[01-20,25]", "a range; also rack[1-4]-node[01-40] and db[1-9/2]"],
    ["@web", "a group"],
    ["os.name=debian", "a fact: = and != with globs, also < <= > >="],
    ["@away @connected", "by the connection; @failed(j-17) by an earlier job"],
    ["a,b  a & b  a ! b", "union, intersection, difference; also or, and, not"],
  ],
};

/** Values of TARGET_FLAGS. */
export interface TargetFlagValues {
  readonly exclude: readonly string[];
  readonly connected: boolean;
  readonly "allow-missing": boolean;
  readonly limit: string | undefined;
  readonly seed: number | undefined;
  readonly "targets-file": string | undefined;
}

/**
 * The selection that expressions and flags ask for.
 *
 * @throws {PiriError} INVALID_ARGUMENT; NOT_FOUND, DENIED or DISK for the file
 */
export async function selectionOf(
  expressions: readonly string[],
  flags: TargetFlagValues,
  invocation: Pick<Invocation, "terminal" | "expandTargets">,
): Promise<TargetSelectionInit> {
  const limit = limitOf(flags.limit);
  if (flags.seed !== undefined && limit === undefined) {
    throw new PiriError(
      "INVALID_ARGUMENT",
      'Cannot use "--seed" without "--limit": it repeats a sample',
    );
  }
  const fromFile = await readTargets(flags, invocation);
  const all = [...expressions, ...fromFile.map(({ expression }) => expression)];
  if (all.length === 0) {
    throw new HintedError(
      "INVALID_ARGUMENT",
      "Cannot find the targets: no expression is given",
      "name agents, as web-1, 'web-*', @web or all",
    );
  }
  const wanted = [...placed(expressions, "argument"), ...fromFile];
  const exclude = placed(flags.exclude, "--exclude");
  const selection = {
    expressions: all,
    exclude: [...flags.exclude],
    connectedOnly: flags.connected,
    allowMissing: flags["allow-missing"],
    ...limit === undefined ? {} : { limit },
    ...flags.seed === undefined ? {} : { seed: flags.seed },
  };
  const isClear = fromFile.length === 0 && wanted.length + exclude.length === 1;
  PLACES.set(selection, { wanted, exclude, isClear });
  return selection;
}

/** Places of the expressions of a selection, for errors. */
const PLACES = new WeakMap<object, Parameters<typeof placedError>[1]>();

/** Expressions alone, which were typed in several arguments or flags. */
export function typedTargets(
  expressions: readonly string[],
  what = "argument",
): { readonly expressions: string[] } {
  const selection = { expressions: [...expressions] };
  const wanted = placed(expressions, what);
  const isClear = wanted.length === 1;
  PLACES.set(selection, { wanted, exclude: [], isClear });
  return selection;
}

function placed(
  expressions: readonly string[],
  what: string,
): readonly PlacedTargets[] {
  return expressions.map((expression, i) => ({
    expression,
    place: expressions.length === 1 ? what : `${what} ${i + 1}`,
  }));
}

function limitOf(
  text: string | undefined,
): TargetSelectionInit["limit"] {
  if (text === undefined) return undefined;
  const percent = /^(\d{1,3}(?:\.\d{1,6})?)%$/.exec(text)?.[1];
  if (percent !== undefined && Number(percent) > 0 && Number(percent) <= 100) {
    return { case: "limitPercent", value: Number(percent) };
  }
  if (/^\d{1,9}$/.test(text) && Number(text) > 0) {
    return { case: "limitCount", value: Number(text) };
  }
  throw new PiriError(
    "INVALID_ARGUMENT",
    `Cannot use "--limit ${text}": it is neither a number of agents from 1 on, as 10, nor a part of them, as 10%`,
  );
}

/** Reads the expressions of a file, with their lines. */
async function readTargets(
  { "targets-file": path }: TargetFlagValues,
  { terminal, expandTargets }: Pick<Invocation, "terminal" | "expandTargets">,
): Promise<readonly PlacedTargets[]> {
  if (path === undefined) return [];
  const text = await readTextFile("targets-file", path, terminal);
  const file = path === "-" ? "stdin" : `"${path}"`;
  const found: PlacedTargets[] = [];
  for (const [i, line] of text.split(/\r?\n/).entries()) {
    const typed = line.replace(/(?:^|\s)#.*$/, "").trim();
    if (typed === "") continue;
    const place = `line ${i + 1} of ${file}`;
    try {
      const [expression = typed] = await expandTargets([typed]);
      found.push({ expression, place });
    } catch (error) {
      throw errorAt(error, place);
    }
  }
  return found;
}

/**
 * Waits for an answer about targets. Errors about one of several expressions, or about one from a file, name its place.
 *
 * @param selection The targets, as `selectionOf` or `typedTargets` has made them.
 */
export async function withPlaces<T>(
  answer: Promise<T>,
  selection: object | undefined,
): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    const places = selection && PLACES.get(selection);
    throw places === undefined ? error : placedError(error, places);
  }
}

/**
 * Waits for an answer about targets. An unknown name gets the flag that leaves it out as its hint. Places are named
 * as by `withPlaces`.
 */
export async function withTargetHint<T>(
  answer: Promise<T>,
  selection: object | undefined,
): Promise<T> {
  try {
    return await withPlaces(answer, selection);
  } catch (error) {
    const message = messageOf(error);
    if (codeOf(error) !== "NOT_FOUND" || !NOT_ENROLLED.test(message)) {
      throw error;
    }
    throw new HintedError(
      "NOT_FOUND",
      message,
      "--allow-missing goes on without them",
      { cause: error },
    );
  }
}

const NOT_ENROLLED =
  /there (?:is no agent|are no agents) |(?:is|are) (?:retired|not joined)(?:;|$)/;

/** A number of agents in words. */
export function agentsText(count: number): string {
  return count === 1 ? "1 agent" : `${count} agents`;
}
