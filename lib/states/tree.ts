import type { Place } from "./place.ts";
import type { SecretPart } from "../steps/secrets/secret_values.ts";

/**
 * Content of a file of YAML, with the place of every part. Aliases and merge keys have been followed.
 *
 * A scalar keeps its text as it was written, because a parameter is read by its own type and not by that of YAML.
 */
export type Tree = TreeScalar | TreeList | TreeMap;

/** Text, number, switch or nothing. */
export interface TreeScalar {
  readonly kind: "scalar";
  /** Text as it was written, without quotes. */
  readonly text: string;
  /** Value by the rules of YAML 1.2. */
  readonly value: string | number | boolean | null;
  readonly place: Place;
  /** Place of the first character of the text; undefined where lines were folded. */
  readonly start?: Place;
  /** Parts of a text with secrets in it, once its expressions have values. */
  readonly secret?: readonly SecretPart[];
}

/** List of parts. */
export interface TreeList {
  readonly kind: "list";
  readonly items: readonly Tree[];
  readonly place: Place;
}

/** Map with keys in the order of the file. */
export interface TreeMap {
  readonly kind: "map";
  readonly entries: readonly TreeEntry[];
  readonly place: Place;
}

/** Key of a map with its value. */
export interface TreeEntry {
  readonly key: string;
  readonly keyPlace: Place;
  readonly value: Tree;
}

/** Entry of a map by its key. */
export function entryOf(map: TreeMap, key: string): TreeEntry | undefined {
  return map.entries.find((entry) => entry.key === key);
}

/** True for a value that was left out, as in "key:" with nothing behind. */
export function isEmpty(tree: Tree): boolean {
  return tree.kind === "scalar" && tree.text === "" && tree.value === null;
}

/** Plain value of a tree, as JSON has it. */
export function plainOf(tree: Tree): unknown {
  if (tree.kind === "scalar") return tree.value;
  if (tree.kind === "list") return tree.items.map(plainOf);
  // Unlike an assignment, this makes "__proto__" an ordinary key.
  return Object.fromEntries(
    tree.entries.map(({ key, value }) => [key, plainOf(value)]),
  );
}

/** Noun phrase for the kind of a tree, for errors. */
export function kindOf(tree: Tree): string {
  if (tree.kind === "list") return "a list";
  if (tree.kind === "map") return "a map";
  return isEmpty(tree) ? "empty" : "text";
}

/** Place of a character in the text of a scalar, as exact as its style allows. */
export function placeIn(
  { text, place, start }: TreeScalar,
  offset: number,
): Place {
  if (start === undefined) return place;
  const before = text.slice(0, offset).split("\n");
  const line = start.line + before.length - 1;
  const column = start.column + (before.at(-1) ?? "").length;
  return { file: place.file, line, column };
}
