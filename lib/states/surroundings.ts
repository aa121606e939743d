import type { Condition } from "./conditions.ts";
import type { Scope } from "./expressions.ts";
import type { Item } from "./item.ts";
import type { Reference } from "./read_parameter.ts";
import { SecretDrop } from "./secret_text.ts";
import { entryOf, type Tree } from "./tree.ts";

/** Surroundings of an item. */
export interface Surroundings {
  readonly scope: Scope;
  /** Names of the groups that it is in. */
  readonly path: readonly string[];
  readonly chain: readonly string[];
  /** Conditions of its groups that the host decides. */
  readonly conditions: readonly Condition[];
  readonly require: readonly Reference[];
  readonly iterations: readonly string[];
  /** Labels of the iterations, as [anna]. */
  readonly labels: string;
  readonly isCounted: boolean;
  /** Names of the states that include it. */
  readonly includes: readonly string[];
  readonly follows: string | undefined;
}

/** Keys of an item that are read before all others. */
export function keysOf(item: Item): {
  each: Tree | undefined;
  as: Tree | undefined;
  condition: Tree | undefined;
} {
  if (item.kind === "step") {
    const [each, as, condition] = ["each", "as", "if"].map((key) =>
      entryOf(item.body, key)?.value
    );
    return { each, as, condition };
  }
  return item.kind === "group"
    ? { each: item.each, as: item.as, condition: item.if }
    : { each: undefined, as: undefined, condition: item.if };
}

/** Name of an item before its parameters are read. */
export function nameOf(item: Item): string {
  if (item.name !== undefined) return item.name;
  if (item.kind === "include") return `include ${item.state.text}`;
  const type = item.kind === "step" ? entryOf(item.body, "type") : undefined;
  return type?.value.kind === "scalar" ? type.value.text : "step";
}

/** Full name of an item: the groups that it is in, its name, and the labels of its iterations. */
export function fullName(
  name: string,
  { path, labels }: Pick<Surroundings, "path" | "labels">,
): string {
  return [...path, `${name}${labels}`].join(":");
}

/** Longest subject in the name of a step that has none of its own, in characters. */
const MAX_SUBJECT = 80;

/** First line of a subject. */
export function shortText(value: unknown): string {
  const text = Array.isArray(value)
    ? value.join(", ")
    : typeof value === "string"
    ? value
    : JSON.stringify(value);
  const [line = ""] = text.split("\n");
  return line.length > MAX_SUBJECT ? `${line.slice(0, MAX_SUBJECT)}...` : line;
}

/** Text that is equal for equal variables. */
export function keyOf(vars: unknown): string {
  if (vars instanceof SecretDrop) {
    return `secret ${JSON.stringify(SecretDrop.partOf(vars))}`;
  }
  if (Array.isArray(vars)) return `[${vars.map(keyOf).join(",")}]`;
  if (typeof vars !== "object" || vars === null) {
    return JSON.stringify(vars) ?? "";
  }
  const pairs = Object.entries(vars).map(([key, value]) =>
    `${JSON.stringify(key)}:${keyOf(value)}`
  );
  return `{${pairs.toSorted().join(",")}}`;
}
