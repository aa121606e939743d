import type { Place } from "./place.ts";
import type { Tree, TreeMap, TreeScalar } from "./tree.ts";

/** Item of a list of steps, as a file has it. */
export type Item = StepItem | GroupItem | IncludeItem;

interface AnyItem {
  /** Place of its name, or of its beginning if it has none. */
  readonly place: Place;
  /** True in RedPepper's form of June 2024: a dollar sign means nothing in it. */
  readonly isLiteral: boolean;
}

/** Step with an operation. */
export interface StepItem extends AnyItem {
  readonly kind: "step";
  /** Name; undefined for a step that is named by its operation and subject. */
  readonly name: string | undefined;
  readonly body: TreeMap;
  /** Name of the step in the same list that it follows: it stays right behind, and runs only if that one changed. */
  readonly follows?: string;
}

/** Group of items. */
export interface GroupItem extends AnyItem {
  readonly kind: "group";
  readonly name: string;
  readonly items: readonly Item[];
  /** True for a plain list, which another layer adds to; the long form is replaced as a whole. */
  readonly isOpen: boolean;
  readonly if?: Tree;
  readonly each?: Tree;
  readonly as?: TreeScalar;
  /** References that count for all of its steps. */
  readonly require?: readonly Tree[];
  /** Name of the step in the same list that all of its steps follow. */
  readonly follows?: string;
}

/** Named state in the place of the item. */
export interface IncludeItem extends AnyItem {
  readonly kind: "include";
  readonly name: undefined;
  readonly state: TreeScalar;
  readonly with?: TreeMap;
  readonly if?: Tree;
}

/**
 * Items of two layers. An item with the name of an earlier one takes its place, two plain lists are merged inside, and
 * all others go to the end.
 */
export function mergeItems(
  under: readonly Item[],
  over: readonly Item[],
): readonly Item[] {
  const merged = [...under];
  const places = new Map(under.map(({ name }, index) => [name, index]));
  for (const item of over) {
    const index = item.name === undefined ? undefined : places.get(item.name);
    const before = index === undefined ? undefined : merged[index];
    if (index === undefined || before === undefined) merged.push(item);
    else merged[index] = replacement(before, item);
  }
  return merged;
}

function replacement(before: Item, item: Item): Item {
  return before.kind === "group" && item.kind === "group" &&
      before.isOpen && item.isOpen
    ? { ...item, items: mergeItems(before.items, item.items) }
    : item;
}
