import { Drop } from "liquidjs";
import { nearest } from "../base/nearest.ts";
import {
  ExpressionError,
  type Expressions,
  type Scope,
} from "./expressions.ts";
import { StateError } from "./problems.ts";
import type { SecretPart } from "../steps/secrets/secret_values.ts";
import { SecretDrop } from "./secret_text.ts";
import { placeIn, type Tree, type TreeMap, type TreeScalar } from "./tree.ts";

/** Piece of a text: a text itself, or an expression with its offset. */
type Piece = string | { readonly expression: string; readonly at: number };

/** Puts values in the place of expressions, as in ${facts.hostname}. */
export class Interpolation {
  readonly #expressions: Expressions;

  constructor(expressions: Expressions) {
    this.#expressions = expressions;
  }

  /**
   * Tree with values in the place of all expressions. Undefined if the tree is one expression that gives nil: then the
   * parameter counts as not given.
   *
   * @throws {StateError} at the first expression that has no value
   */
  resolve(tree: Tree, scope: Scope): Tree | undefined {
    if (tree.kind === "scalar") return this.#scalar(tree, scope);
    if (tree.kind === "list") {
      const items = tree.items.flatMap((item) =>
        this.resolve(item, scope) ?? []
      );
      return { ...tree, items };
    }
    return this.#map(tree, scope);
  }

  /**
   * Value of an expression or of a text with expressions, of any type; a secret is a `SecretDrop`.
   *
   * @throws {StateError}
   */
  valueOf(tree: Tree, scope: Scope): unknown {
    if (tree.kind === "list") {
      return tree.items.map((item) => this.valueOf(item, scope));
    }
    if (tree.kind === "map") {
      return Object.fromEntries(
        tree.entries.map(({ key, value }) => [key, this.valueOf(value, scope)]),
      );
    }
    const [piece, ...others] = piecesOf(tree);
    if (piece === undefined) return tree.value;
    if (typeof piece !== "string" && others.length === 0) {
      return this.evaluate(tree, piece, scope);
    }
    const resolved = this.#scalar(tree, scope);
    if (resolved?.kind !== "scalar" || resolved.secret !== undefined) {
      throw new StateError(
        tree.place,
        "Cannot use a secret in this text: a variable can hold a whole secret, and no text with a secret in it",
      );
    }
    return others.length === 0 ? resolved.value : resolved.text;
  }

  /**
   * Value of one expression of a text.
   *
   * @throws {StateError}
   */
  evaluate(
    scalar: TreeScalar,
    { expression, at }: { readonly expression: string; readonly at: number },
    scope: Scope,
  ): unknown {
    try {
      return this.#expressions.evaluate(expression, scope);
    } catch (error) {
      if (!(error instanceof ExpressionError)) throw error;
      throw new StateError(
        placeIn(scalar, at + error.column - 1),
        `Cannot evaluate "${expression.trim()}": ${wordsOf(error, scope)}`,
      );
    }
  }

  #map(tree: TreeMap, scope: Scope): TreeMap {
    const entries = tree.entries.flatMap((entry) => {
      const value = this.resolve(entry.value, scope);
      return value === undefined ? [] : [{ ...entry, value }];
    });
    return { ...tree, entries };
  }

  #scalar(scalar: TreeScalar, scope: Scope): Tree | undefined {
    // Nearly all texts have no expression.
    if (!scalar.text.includes("${")) return scalar;
    const pieces = piecesOf(scalar);
    const [first] = pieces;
    if (pieces.length === 1 && typeof first === "object") {
      return treeOf(this.evaluate(scalar, first, scope), scalar);
    }
    const parts: SecretPart[] = pieces.map((piece) => {
      if (typeof piece === "string") return piece;
      const value = this.evaluate(scalar, piece, scope);
      return value instanceof SecretDrop
        ? SecretDrop.partOf(value)
        : this.#text(value, scalar, piece);
    });
    if (parts.some((part) => typeof part === "object")) {
      const secret = parts.filter((part) => part !== "");
      return { ...scalar, text: "", value: "", secret };
    }
    const text = parts.join("");
    return { ...scalar, text, value: text };
  }

  #text(
    value: unknown,
    scalar: TreeScalar,
    { expression, at }: { expression: string; at: number },
  ): string {
    if (value === null || value === undefined) return "";
    if (typeof value !== "object") return String(value);
    throw new StateError(
      placeIn(scalar, at),
      `Cannot put "${expression.trim()}" into a text: it is ${
        Array.isArray(value) ? "a list" : "a map"
      }; "| join: ', '" or "| json" makes a text of it`,
    );
  }
}

/** Tree of a value, all of it at the place of the expression that gave it. */
export function treeOf(value: unknown, at: TreeScalar): Tree | undefined {
  const { place } = at;
  if (value === null || value === undefined) return undefined;
  if (value instanceof SecretDrop) {
    const secret = [SecretDrop.partOf(value)];
    return { kind: "scalar", text: "", value: "", place, secret };
  }
  if (Array.isArray(value)) {
    const items = value.flatMap((each) => treeOf(each, at) ?? []);
    return { kind: "list", items, place };
  }
  if (typeof value === "object") {
    const entries = Object.entries(value).flatMap(([key, each]) => {
      const tree = treeOf(each, at);
      return tree === undefined ? [] : [{ key, keyPlace: place, value: tree }];
    });
    return { kind: "map", entries, place };
  }
  const plain = typeof value === "number" || typeof value === "boolean"
    ? value
    : String(value);
  return { kind: "scalar", text: String(value), value: plain, place };
}

/**
 * Cuts a text into its expressions and what is around them. "${{" stands for "${".
 *
 * @throws {StateError} for an expression that does not end
 */
export function piecesOf(scalar: TreeScalar): readonly Piece[] {
  const { text } = scalar;
  const pieces: Piece[] = [];
  let plain = "";
  let from = 0;
  for (;;) {
    const start = text.indexOf("${", from);
    if (start < 0) break;
    plain += text.slice(from, start);
    if (text[start + 2] === "{") {
      plain += "${";
      from = start + 3;
      continue;
    }
    const end = endOf(text, start + 2);
    if (end === undefined) {
      throw new StateError(
        placeIn(scalar, start),
        'Cannot read this expression: it has no "}" at its end; "${{" stands for "${" itself',
      );
    }
    if (plain !== "") pieces.push(plain);
    plain = "";
    pieces.push({ expression: text.slice(start + 2, end), at: start + 2 });
    from = end + 1;
  }
  plain += text.slice(from);
  return plain === "" ? pieces : [...pieces, plain];
}

/** Offset of the brace that ends an expression; braces in quotes do not. */
function endOf(text: string, from: number): number | undefined {
  let quote: string | undefined;
  for (let at = from; at < text.length; at++) {
    const letter = text[at];
    if (quote !== undefined) {
      if (letter === quote) quote = undefined;
    } else if (letter === "'" || letter === '"') quote = letter;
    else if (letter === "}") return at;
  }
  return undefined;
}

/** Words about an error of an expression, with the next step. */
function wordsOf({ message, unknown }: ExpressionError, scope: Scope): string {
  if (unknown === undefined) return message;
  const [, secret] = /^secrets\.(.*)$/.exec(unknown) ?? [];
  if (secret !== undefined) {
    return `the agent has no secret "${secret}"; piri-manager secret set makes one`;
  }
  const names = unknown.split(".");
  const last = names.pop() ?? "";
  let parent: unknown = scope;
  for (const name of names) {
    parent = isPlain(parent) && Object.hasOwn(parent, name)
      ? parent[name]
      : undefined;
  }
  const known = isPlain(parent) ? Object.keys(parent) : [];
  const meant = nearest(last, known);
  return meant === undefined
    ? `${message}; give it one in data, or use "| default: VALUE"`
    : `${message}; did you mean "${[...names, meant].join(".")}"?`;
}

function isPlain(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null &&
    !(value instanceof Drop) && !Array.isArray(value);
}
