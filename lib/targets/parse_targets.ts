import { PiriError } from "../base/errors.ts";
import { Limits } from "../base/limits.ts";
import { parseFact, parseQuoted, QUOTE } from "./parse_fact.ts";
import { beginsWord, parseWord } from "./parse_word.ts";
import { refuseItem, refuseRest } from "./foreign_notation.ts";
import { isReservedName } from "./reserved_names.ts";
import { Scanner } from "./scanner.ts";
import {
  type JobSetKind,
  type TargetExpression,
  TargetLimits,
  type TargetNode,
  type TermPart,
} from "./target_expression.ts";

/** End of a word that is an operator. */
const NO_WORD = "(?![A-Za-z0-9._*?\\[{-])";
const OR = new RegExp(`,|or${NO_WORD}`, "y");
const AND = new RegExp(`&|and${NO_WORD}`, "y");
const EXCEPT = new RegExp(`!(?!=)|not${NO_WORD}`, "y");
const ALL = new RegExp(`all${NO_WORD}`, "y");
const JOB_SETS: Readonly<Record<string, JobSetKind>> = {
  job: "job",
  failed: "failed",
  lost: "lost",
  ok: "ok",
};

/**
 * Reads target expressions, of which several are a union.
 *
 * @throws {TargetError} INVALID_ARGUMENT, with the place and what to write instead
 */
export function parseTargets(texts: readonly string[]): TargetExpression {
  if (texts.length === 0) {
    throw new PiriError(
      "INVALID_ARGUMENT",
      'Cannot read the targets: none are given; write a name, a glob such as "web-*", @group or all',
    );
  }
  const total = texts.reduce((sum, { length }) => sum + length, 0);
  if (total > TargetLimits.total) {
    throw new PiriError(
      "INVALID_ARGUMENT",
      `Cannot read the targets: they have ${total} characters, and the limit is ${TargetLimits.total}; name groups instead`,
    );
  }
  const spent = { names: 0, tests: 0 };
  const nodes = texts.map((text) => {
    const scanner = new Scanner(text, spent);
    if (text.length > TargetLimits.length) {
      scanner.fail(
        `the expression has ${text.length} characters, and the limit is ${TargetLimits.length},`,
        "write several, or name groups",
        0,
      );
    }
    const targets = parseUnion(scanner);
    if (scanner.next === ")") {
      scanner.fail("a parenthesis is closed that was not opened", "remove it");
    }
    if (scanner.next !== "") refuseRest(scanner);
    return { ...targets, scanner };
  });
  refuseLoneExcept(nodes);
  return {
    text: texts.join(","),
    node: unionOf(nodes.map(({ node }) => node)),
  };
}

/** Part of a union, and the place of the difference that it begins with, if it does. */
interface Alternative {
  readonly node: TargetNode;
  readonly exceptAt: number | undefined;
}

function parseUnion(scanner: Scanner): Alternative {
  const found: (Alternative & { scanner: Scanner })[] = [];
  do found.push({ ...parseTerm(scanner), scanner }); while (scanner.take(OR));
  refuseLoneExcept(found);
  return {
    node: unionOf(found.map(({ node }) => node)),
    exceptAt: found[0]?.exceptAt,
  };
}

/** Refuses `a, !b`: as a union it would mean nearly everyone, and who writes it means `a ! b`. */
function refuseLoneExcept(
  found: readonly (Alternative & { scanner: Scanner })[],
): void {
  if (found.length === 1) return;
  const lone = found.find(({ exceptAt }) => exceptAt !== undefined);
  lone?.scanner.fail(
    "a difference without a first part would mean nearly everyone",
    "write A ! B to leave B out of A, or (all ! B)",
    lone.exceptAt,
  );
}

function unionOf(nodes: readonly TargetNode[]): TargetNode {
  const [first, ...more] = nodes.flatMap((node) =>
    node.kind === "union" ? node.of : [node]
  );
  return first === undefined || more.length === 0
    ? first ?? { kind: "all" }
    : { kind: "union", of: [first, ...more] };
}

function parseTerm(scanner: Scanner): Alternative {
  scanner.skipSpaces();
  const at = scanner.at;
  const isExcept = scanner.take(EXCEPT) !== undefined;
  const rest: TermPart[] = [];
  const item = parseItem(scanner);
  let first = item;
  if (isExcept) {
    first = { kind: "all" };
    rest.push({ operator: "except", node: item });
  }
  for (;;) {
    scanner.skipSpaces();
    const isAnd = scanner.take(AND) !== undefined;
    if (isAnd) scanner.skipSpaces();
    const isExcept = scanner.take(EXCEPT) !== undefined;
    if (!isAnd && !isExcept) break;
    const operator = isExcept ? "except" : "and";
    rest.push({ operator, node: parseItem(scanner) });
  }
  return {
    node: rest.length === 0 ? first : { kind: "term", first, rest },
    exceptAt: isExcept ? at : undefined,
  };
}

function parseItem(scanner: Scanner): TargetNode {
  scanner.skipSpaces();
  const at = scanner.at;
  if (scanner.take(/\(/y)) return parseParentheses(scanner, at);
  if (scanner.take(/@/y)) return parseGroupOrSet(scanner, at);
  if (scanner.take(EXCEPT)) {
    scanner.fail(
      "there are two differences in a row",
      "write one ! or not",
      at,
    );
  }
  const fact = parseFact(scanner);
  if (fact !== undefined) return fact;
  if (scanner.take(ALL)) return { kind: "all" };
  if (scanner.look(QUOTE)) return parseQuotedName(scanner, at);
  if (!beginsWord(scanner) || scanner.look(/[A-Z]@/y)) refuseItem(scanner);
  const pieces = parseWord(scanner);
  const [piece] = pieces;
  if (pieces.length !== 1 || piece?.kind !== "text") {
    return { kind: "word", pieces };
  }
  return parsePlainWord(scanner, piece.text, at);
}

function parseParentheses(scanner: Scanner, at: number): TargetNode {
  const { node } = scanner.nested(() => parseUnion(scanner));
  if (scanner.take(/\)/y)) return node;
  if (scanner.next !== "") refuseRest(scanner);
  return scanner.fail("the parenthesis is not closed", "write )", at);
}

function parsePlainWord(
  scanner: Scanner,
  word: string,
  at: number,
): TargetNode {
  if (!isReservedName(word)) {
    return { kind: "word", pieces: [{ kind: "text", text: word }] };
  }
  const lower = word.toLowerCase();
  if (/^(?:and|or|not)$/.test(lower)) {
    scanner.fail(
      word === lower
        ? `the operator "${word}" has nothing before it`
        : "operators are written in small letters",
      `write a name before ${lower}, or "${word}" in quotes for an agent of that name`,
      at,
    );
  }
  const set = lower in JOB_SETS
    ? `@${lower}(j-17)`
    : lower === "all"
    ? "all"
    : `@${lower}`;
  return scanner.fail(
    `"${word}" is a reserved word`,
    `write ${set} for the set, or "${word}" in quotes for an agent of that name`,
    at,
  );
}

function parseQuotedName(scanner: Scanner, at: number): TargetNode {
  const name = parseQuoted(scanner);
  scanner.spendNames(1, at);
  if (name.length > Limits.name) {
    scanner.fail(
      `no name has more than ${Limits.name} characters`,
      "write a shorter one",
      at,
    );
  }
  if (/[*?[{]/.test(name)) {
    scanner.fail(
      "in quotes a name is taken as it is, and no name has such characters",
      `write ${name} without the inner quotes`,
      at,
    );
  }
  return { kind: "word", pieces: [{ kind: "text", text: name }] };
}

function parseGroupOrSet(scanner: Scanner, at: number): TargetNode {
  if (scanner.look(QUOTE)) {
    return { kind: "group", group: parseQuoted(scanner) };
  }
  const [word] = scanner.take(/[A-Za-z0-9_][A-Za-z0-9._-]*/y) ??
    scanner.fail(
      "the name of a group is missing",
      "write @web, or all for all agents",
      at,
    );
  const set = JOB_SETS[word];
  if (Object.hasOwn(JOB_SETS, word) && set !== undefined) {
    return { kind: "jobSet", set, job: parseJob(scanner, word) };
  }
  if (word === "connected" || word === "away") {
    scanner.spendTests(1, at);
    return { kind: "presence", connected: word === "connected" };
  }
  if (isReservedName(word)) {
    const all = word.toLowerCase() === "all" ? "all for all agents, or " : "";
    scanner.fail(
      `"${word}" is a reserved word`,
      `write ${all}@"${word}" for a group of that name`,
      at,
    );
  }
  if (/[*?[{]/.test(scanner.next)) {
    scanner.fail(
      "a group is named as a whole",
      `write group=${word}* for all groups that begin so`,
      at,
    );
  }
  if (scanner.next === "(") {
    scanner.fail(
      `there is no set "${word}"`,
      "write @job(j-17), @failed(j-17), @lost(j-17) or @ok(j-17)",
      at,
    );
  }
  return { kind: "group", group: word };
}

function parseJob(scanner: Scanner, set: string): bigint {
  const [, id = ""] = scanner.take(/\s*\(\s*j-([0-9]{1,19})\s*\)/y) ??
    scanner.fail(
      "the id of a job is missing",
      `write @${set}(j-17), or @"${set}" for a group of that name`,
    );
  return BigInt(id);
}
