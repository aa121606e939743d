import type { GroupItem, Item, StepItem } from "./item.ts";
import type { Place } from "./place.ts";
import { type Problems, StateError } from "./problems.ts";
import {
  entryOf,
  kindOf,
  type Tree,
  type TreeEntry,
  type TreeMap,
} from "./tree.ts";

/**
 * Items of a state in RedPepper's form of June 2024: a map of steps by their names. A list in it is a group with steps
 * "Name #1" and so on, and an `onchange` becomes steps right behind.
 */
export function readRedpepperForm(
  tree: TreeMap,
  problems: Problems,
): readonly Item[] {
  return tree.entries.flatMap((entry) =>
    problems.attempt(() => itemsOf(entry, problems)) ?? []
  );
}

function itemsOf(entry: TreeEntry, problems: Problems): readonly Item[] {
  const { key: name, keyPlace: place, value } = entry;
  if (value.kind === "list") return [groupOf(entry, problems)];
  if (value.kind !== "map") {
    throw new StateError(
      value.place,
      `Cannot read "${name}": ${
        kindOf(value)
      } is here, and a map with "type" or a list of such maps should be; in a map of steps each key is the name of a step`,
    );
  }
  const { step, onchange } = stepOf(name, place, value);
  return onchange === undefined
    ? [step]
    : [step, ...followersOf(name, onchange, problems)];
}

function stepOf(
  name: string,
  place: Place,
  body: TreeMap,
  { leftOut = [] }: { leftOut?: readonly string[] } = {},
): { step: StepItem; onchange: TreeEntry | undefined } {
  const entries = body.entries.filter(({ key }) =>
    key !== "onchange" && !leftOut.includes(key)
  );
  return {
    step: {
      kind: "step",
      name,
      place,
      body: { ...body, entries },
      isLiteral: true,
    },
    onchange: entryOf(body, "onchange"),
  };
}

function groupOf(
  { key: name, keyPlace: place, value }: TreeEntry,
  problems: Problems,
): GroupItem {
  const require: Tree[] = [];
  const items: Item[] = [];
  const parts = value.kind === "list" ? value.items : [];
  for (const [index, part] of parts.entries()) {
    const label = `${name} #${index + 1}`;
    if (part.kind !== "map") {
      problems.add(
        part.place,
        `Cannot read "${label}": ${
          kindOf(part)
        } is here, and a map with "type" should be`,
      );
      continue;
    }
    const wanted = entryOf(part, "require");
    if (wanted !== undefined) require.push(wanted.value);
    const { step, onchange } = stepOf(label, part.place, part, {
      leftOut: ["require"],
    });
    items.push(step);
    if (onchange !== undefined) {
      items.push(...followersOf(label, onchange, problems));
    }
  }
  return {
    kind: "group",
    name,
    place,
    items,
    isOpen: false,
    isLiteral: true,
    require,
  };
}

/** Steps that run if another one changed. */
function followersOf(
  follows: string,
  { keyPlace, value }: TreeEntry,
  problems: Problems,
): readonly Item[] {
  const name = `${follows} onchange`;
  if (value.kind === "list") {
    const entry = { key: name, keyPlace, value };
    return [{ ...groupOf(entry, problems), follows }];
  }
  if (value.kind !== "map") {
    throw new StateError(
      value.place,
      `Cannot read "onchange" of "${follows}": ${
        kindOf(value)
      } is here, and a step or a map of steps should be`,
    );
  }
  if (entryOf(value, "type") !== undefined) {
    const { step, onchange } = stepOf(name, keyPlace, value);
    const more = onchange === undefined
      ? []
      : followersOf(name, onchange, problems);
    return [{ ...step, follows }, ...more];
  }
  return readRedpepperForm(value, problems).map((item) =>
    item.kind === "include" || item.follows !== undefined
      ? item
      : { ...item, follows }
  );
}
