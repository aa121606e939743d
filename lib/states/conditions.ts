import type { SheetCondition } from "../steps/sheet.ts";
import { didYouMean } from "../base/nearest.ts";
import type { Scope } from "./expressions.ts";
import type { FactReads } from "./fact_drop.ts";
import { type Interpolation, piecesOf } from "./interpolate.ts";
import { StateError } from "./problems.ts";
import {
  readReferences,
  readSwitch,
  readTexts,
  type Reference,
  scalarOf,
} from "./read_parameter.ts";
import { isEmpty, kindOf, type Tree, type TreeEntry } from "./tree.ts";

/** Condition that the host decides, with references that are not yet places of steps. */
export type Condition =
  | { readonly kind: "all" | "any"; readonly of: readonly Condition[] }
  | { readonly kind: "not"; readonly of: Condition }
  | { readonly kind: "changed"; readonly references: readonly Reference[] }
  | Extract<SheetCondition, { kind: "path" | "cmd" }>;

/** Parts that a condition is read with. */
export interface ConditionContext {
  readonly interpolation: Interpolation;
  readonly scope: Scope;
  readonly facts: FactReads;
  /** True where a dollar sign means nothing. */
  readonly isLiteral: boolean;
}

const WORDS = [
  "all",
  "any",
  "not",
  "true",
  "false",
  "changed",
  "path",
  "cmd",
  "fact",
  "expr",
];

const PATH_WORDS = ["exists", "isfile", "isdir", "islink"] as const;

/**
 * Condition with what the Manager can decide decided: true and false are whole answers.
 *
 * @throws {StateError}
 */
export function readCondition(
  tree: Tree,
  context: ConditionContext,
): Condition | boolean {
  if (tree.kind === "list") return allOf(tree.items, context);
  if (tree.kind === "scalar") {
    return readSwitch(resolved(tree, context), "if");
  }
  const [entry, second] = tree.entries;
  if (entry === undefined) {
    throw new StateError(tree.place, "Cannot read a condition: it is empty");
  }
  if (second !== undefined) {
    throw new StateError(
      second.keyPlace,
      `Cannot read a condition: its map has the keys "${entry.key}" and "${second.key}"; a list of maps with one key each means all of them`,
    );
  }
  return readEntry(entry, context);
}

function readEntry(
  entry: TreeEntry,
  context: ConditionContext,
): Condition | boolean {
  const words = entry.key.split(/\s+/).filter((word) => word !== "");
  let isNegated = false;
  while (words[0] === "not" && words.length > 1) {
    words.shift();
    isNegated = !isNegated;
  }
  const [first = "", ...rest] = words;
  // RedPepper's name of it, in its form of June 2024.
  const word = first === "file" && context.isLiteral ? "path" : first;
  const answer = readWord(word, rest, entry, context);
  return isNegated ? negate(answer) : answer;
}

function readWord(
  word: string,
  rest: readonly string[],
  entry: TreeEntry,
  context: ConditionContext,
): Condition | boolean {
  const { key, keyPlace, value } = entry;
  const least = word === "fact" ? 1 : 0;
  const most = ["fact", "path"].includes(word) ? 1 : word === "cmd" ? 99 : 0;
  if (!WORDS.includes(word) || rest.length < least || rest.length > most) {
    const otherwise = word === "file"
      ? 'write "path" in its place'
      : word === "py"
      ? 'Python is not run; write "expr" for facts and data, or "cmd" for a program'
      : `a condition begins with ${WORDS.join(", ")}`;
    throw new StateError(
      keyPlace,
      `Cannot read the condition "${key}": ${
        WORDS.includes(word)
          ? word === "fact"
            ? 'a fact is named behind it, as "fact os.name: debian"'
            : `"${rest.join(" ")}" is too much`
          : didYouMean(word, WORDS, otherwise)
      }`,
    );
  }
  switch (word) {
    case "true":
    case "false":
      if (!isEmpty(value)) {
        throw new StateError(
          value.place,
          `Cannot read the condition "${word}": it takes no value`,
        );
      }
      return word === "true";
    case "not":
      return negate(readCondition(value, context));
    case "all":
      return allOf(partsOf(word, value), context);
    case "any":
      return anyOf(partsOf(word, value), context);
    case "changed":
      return {
        kind: "changed",
        references: readReferences(resolved(value, context), "changed"),
      };
    case "path":
      return readPath(rest, entry, context);
    case "cmd":
      return {
        kind: "cmd",
        line: scalarOf(resolved(value, context), "cmd", "a command line").text,
        codes: codesOf(rest, entry),
      };
    case "fact":
      return isFact(rest[0] ?? "", entry, context);
    default:
      return readDecision(value, "expr", context);
  }
}

function readPath(
  [word = "exists"]: readonly string[],
  { keyPlace, value }: TreeEntry,
  context: ConditionContext,
): Condition {
  const is = PATH_WORDS.find((each) => each === word);
  if (is === undefined) {
    throw new StateError(
      keyPlace,
      `Cannot read the condition "path ${word}": ${
        didYouMean(word, PATH_WORDS, `it can be ${PATH_WORDS.join(", ")}`)
      }`,
    );
  }
  const { text, place } = scalarOf(
    resolved(value, context),
    "path",
    "an absolute path",
  );
  if (/^(?:\/|[A-Za-z]:[\\/])/.test(text)) {
    return { kind: "path", is, path: text };
  }
  throw new StateError(
    place,
    `Cannot read the condition "path": "${text}" is no absolute path`,
  );
}

/** Codes behind "cmd": 0 1, 0,1 or [0, 1]. */
function codesOf(
  words: readonly string[],
  { key, keyPlace }: TreeEntry,
): readonly number[] {
  const text = words.join(" ").replace(/^\[(.*)\]$/, "$1");
  const codes = text.split(/[\s,]+/).filter((code) => code !== "");
  if (codes.some((code) => !/^[0-9]{1,3}$/.test(code) || Number(code) > 255)) {
    throw new StateError(
      keyPlace,
      `Cannot read the condition "${key}": exit codes from 0 to 255 should be behind "cmd", as "cmd 0,1"`,
    );
  }
  return codes.length === 0 ? [0] : codes.map(Number);
}

function isFact(
  fact: string,
  { keyPlace, value }: TreeEntry,
  context: ConditionContext,
): boolean {
  const wanted = readTexts(resolved(value, context), `fact ${fact}`);
  const told = context.facts.value(fact);
  if (told === undefined) context.facts.lacks(fact, keyPlace);
  return told !== undefined && wanted.includes(told);
}

/**
 * Decides an expression, which may also stand alone in a "${...}": true unless it gives false or nil.
 *
 * @throws {StateError}
 */
export function readDecision(
  value: Tree,
  name: string,
  { interpolation, scope }: Pick<ConditionContext, "interpolation" | "scope">,
): boolean {
  const scalar = scalarOf(value, name, "an expression");
  const [first, ...others] = piecesOf(scalar);
  if (others.length > 0) {
    throw new StateError(
      scalar.place,
      `Cannot read "${name}": an expression should be here alone, without "\${" in a text, as facts.cpus > 2`,
    );
  }
  const piece = typeof first === "object"
    ? first
    : { expression: scalar.text, at: 0 };
  const answer = interpolation.evaluate(scalar, piece, scope);
  return answer !== false && answer !== null && answer !== undefined;
}

function partsOf(word: string, value: Tree): readonly Tree[] {
  if (value.kind === "list") return value.items;
  throw new StateError(
    value.place,
    `Cannot read the condition "${word}": ${
      kindOf(value)
    } is here, and a list should be`,
  );
}

/** All of some conditions. */
export function allOf(
  parts: readonly Tree[],
  context: ConditionContext,
): Condition | boolean {
  return both(parts.map((part) => readCondition(part, context)));
}

/** Conditions that must all be true, with the decided ones left out. */
export function both(
  answers: readonly (Condition | boolean)[],
): Condition | boolean {
  if (answers.includes(false)) return false;
  const of = answers.filter((answer) => typeof answer === "object");
  const [only] = of;
  if (only === undefined) return true;
  return of.length === 1 ? only : { kind: "all", of };
}

function anyOf(
  parts: readonly Tree[],
  context: ConditionContext,
): Condition | boolean {
  const answers = parts.map((part) => readCondition(part, context));
  if (answers.includes(true)) return true;
  const of = answers.filter((answer) => typeof answer === "object");
  const [only] = of;
  if (only === undefined) return false;
  return of.length === 1 ? only : { kind: "any", of };
}

function negate(answer: Condition | boolean): Condition | boolean {
  if (typeof answer === "boolean") return !answer;
  return answer.kind === "not" ? answer.of : { kind: "not", of: answer };
}

function resolved(
  tree: Tree,
  { interpolation, scope, isLiteral }: ConditionContext,
): Tree {
  if (isLiteral) return tree;
  const value = interpolation.resolve(tree, scope);
  if (value !== undefined) return value;
  throw new StateError(tree.place, "Cannot read a condition: it has no value");
}
