import { parseSize } from "../base/units.ts";
import { compareNames } from "./compare_names.ts";
import { Glob, hasWildcard, literalOf } from "./glob.ts";
import type { FactOperator } from "./target_expression.ts";

const NUMBER = /^-?[0-9]+(?:\.[0-9]+)?$/;
const SIZE = /^[0-9]+(?:\.[0-9]+)? ?(?:[kmgt]i?)?b$/i;
const VERSION = /^v?([0-9]+(?:\.[0-9]+)*)(.*)$/is;
const VERSION_FACT = /(?:^|[._-])(?:version|release|kernel)$/;
const EARLIER = /^[-._ ]?(?:~|alpha|beta|pre|rc|dev|snapshot|[ab](?![a-z]))/i;

/** Bytes that the number of a fact counts in, by the end of its name. */
const UNIT_OF_NAME: Readonly<Record<string, number>> = {
  bytes: 1,
  kb: 2 ** 10,
  mb: 2 ** 20,
  gb: 2 ** 30,
};

/** Answer to a comparison; undefined if the value of the agent cannot be compared. */
export type FactTest = (value: string) => boolean | undefined;

/** True for a number, a size or a version. */
export function isOrdered(text: string): boolean {
  return NUMBER.test(text) || SIZE.test(text) || VERSION.test(text);
}

/** The comparison of a fact with a pattern. It remembers its answers. */
export function factTest(
  fact: string,
  operator: FactOperator,
  pattern: string,
): FactTest {
  const test = newTest(fact, operator, pattern);
  const answers = new Map<string, boolean | undefined>();
  return (value) => {
    if (answers.has(value)) return answers.get(value);
    const answer = test(value);
    answers.set(value, answer);
    return answer;
  };
}

function newTest(
  fact: string,
  operator: FactOperator,
  pattern: string,
): FactTest {
  if (operator === "=") return equality(fact, pattern);
  if (operator === "!=") {
    const isEqual = equality(fact, pattern);
    return (value) => !isEqual(value);
  }
  const typed = literalOf(pattern);
  const accepts = ACCEPTS[operator];
  return (value) => {
    const order = compareFacts(fact, value, typed);
    return order === undefined ? undefined : accepts(order);
  };
}

const ACCEPTS: Readonly<
  Record<Exclude<FactOperator, "=" | "!=">, (order: number) => boolean>
> = {
  "<": (order) => order < 0,
  "<=": (order) => order <= 0,
  ">": (order) => order > 0,
  ">=": (order) => order >= 0,
};

function equality(fact: string, pattern: string): (value: string) => boolean {
  if (hasWildcard(pattern)) {
    const glob = new Glob(pattern.toLowerCase());
    return (value) => glob.matches(value.toLowerCase());
  }
  const typed = literalOf(pattern);
  const lower = typed.toLowerCase();
  return (value) =>
    value.toLowerCase() === lower || compareFacts(fact, value, typed) === 0;
}

/** Order of the value of an agent and one that was typed; undefined if they have none. */
export function compareFacts(
  fact: string,
  value: string,
  typed: string,
): number | undefined {
  if (VERSION_FACT.test(fact)) return compareVersions(value, typed);
  if (NUMBER.test(value) && NUMBER.test(typed)) {
    return Number(value) - Number(typed);
  }
  const unit = UNIT_OF_NAME[/_([a-z]+)$/.exec(fact)?.[1] ?? ""] ?? 1;
  const [bytes, typedBytes] = [bytesOf(value, unit), bytesOf(typed, unit)];
  return bytes !== undefined && typedBytes !== undefined
    ? bytes - typedBytes
    : compareVersions(value, typed);
}

/** Bytes of a size, or of a number in a unit. */
function bytesOf(text: string, unit: number): number | undefined {
  if (NUMBER.test(text)) return Number(text) * unit;
  if (!SIZE.test(text)) return undefined;
  try {
    return parseSize(text);
  } catch {
    // Over the limit of exact numbers.
    return undefined;
  }
}

function compareVersions(one: string, other: string): number | undefined {
  const [a, b] = [VERSION.exec(one), VERSION.exec(other)];
  if (a === null || b === null) return undefined;
  const [[, numbersA = "", restA = ""], [, numbersB = "", restB = ""]] = [a, b];
  const [partsA, partsB] = [numbersA.split("."), numbersB.split(".")];
  for (let i = 0; i < Math.max(partsA.length, partsB.length); i++) {
    const order = Number(partsA[i] ?? 0) - Number(partsB[i] ?? 0);
    if (order !== 0) return order;
  }
  return rankOf(restA) - rankOf(restB) ||
    compareNames(restA.toLowerCase(), restB.toLowerCase());
}

/** Rank of a suffix: a version before the release, the release itself, and what comes after it. */
function rankOf(suffix: string): number {
  return suffix === "" ? 0 : EARLIER.test(suffix) ? -1 : 1;
}
