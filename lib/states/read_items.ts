import { didYouMean } from "../base/nearest.ts";
import type { GroupItem, IncludeItem, Item, StepItem } from "./item.ts";
import { formatPlace, type Place } from "./place.ts";
import { type Problems, StateError } from "./problems.ts";
import { entryOf, kindOf, type Tree, type TreeMap } from "./tree.ts";

const GROUP_KEYS = ["if", "each", "as", "steps"] as const;
const INCLUDE_KEYS = ["include", "with", "if"] as const;

/** Keys that begin an item without a name. */
const ITEM_KEYS: ReadonlySet<string> = new Set([
  "type",
  "include",
  "steps",
  "if",
  "each",
  "as",
]);

/** Items of a list, with all errors about its form. */
export function readItems(tree: Tree, problems: Problems): readonly Item[] {
  if (tree.kind !== "list") {
    problems.add(
      tree.place,
      `Cannot read steps: ${
        kindOf(tree)
      } is here, and a list should be, as "- Name: {type: ...}"`,
    );
    return [];
  }
  const items = tree.items.flatMap((each) =>
    problems.attempt(() => readItem(each, problems)) ?? []
  );
  return withOwnNames(items, problems);
}

/** Items of a list without those whose name is taken, which are errors. */
function withOwnNames(
  items: readonly Item[],
  problems: Problems,
): readonly Item[] {
  const seen = new Map<string, Place>();
  return items.filter(({ name, place }) => {
    const first = name === undefined ? undefined : seen.get(name);
    if (name !== undefined && first === undefined) seen.set(name, place);
    if (first === undefined) return true;
    problems.add(
      place,
      `Cannot use the name "${name}" twice in one list: it is taken at ${
        formatPlace(first)
      }`,
    );
    return false;
  });
}

function readItem(tree: Tree, problems: Problems): Item {
  if (tree.kind !== "map") {
    throw new StateError(
      tree.place,
      `Cannot read a step: ${
        kindOf(tree)
      } is here, and a map should be, as "- Name: {type: ...}"`,
    );
  }
  if (entryOf(tree, "include") !== undefined) return readInclude(tree);
  const [first, second] = tree.entries;
  if (first === undefined) {
    throw new StateError(tree.place, "Cannot read a step: the map is empty");
  }
  if (second === undefined && !ITEM_KEYS.has(first.key)) {
    return readNamed(first.key, first.keyPlace, first.value, problems);
  }
  if (entryOf(tree, "type") !== undefined) {
    return {
      kind: "step",
      name: undefined,
      body: tree,
      place: tree.place,
      isLiteral: false,
    };
  }
  throw new StateError(
    second?.keyPlace ?? tree.place,
    second === undefined
      ? `Cannot read a step: "type" is missing, which names its operation`
      : `Cannot read a step: it has the keys "${first.key}" and "${second.key}" and no "type"; a step is "- Name: {type: ...}", and what belongs to it is indented further than its name`,
  );
}

function readNamed(
  name: string,
  place: Place,
  body: Tree,
  problems: Problems,
): StepItem | GroupItem {
  if (name.trim() === "") {
    throw new StateError(place, "Cannot read a step: its name is empty");
  }
  if (body.kind === "list") {
    const items = readItems(body, problems);
    return {
      kind: "group",
      name,
      place,
      items,
      isOpen: true,
      isLiteral: false,
    };
  }
  if (body.kind !== "map") {
    throw new StateError(
      body.place,
      `Cannot read "${name}": ${
        kindOf(body)
      } is here, and a map with "type" or a list of steps should be`,
    );
  }
  const steps = entryOf(body, "steps");
  return steps === undefined || entryOf(body, "type") !== undefined
    ? { kind: "step", name, body, place, isLiteral: false }
    : readGroup(name, { place, body, steps: steps.value }, problems);
}

function readGroup(
  name: string,
  { place, body, steps }: { place: Place; body: TreeMap; steps: Tree },
  problems: Problems,
): GroupItem {
  requireKeys(body, GROUP_KEYS, "a group");
  const [condition, each, as] = ["if", "each", "as"].map((key) =>
    entryOf(body, key)?.value
  );
  if (as !== undefined && (as.kind !== "scalar" || !isVariable(as.text))) {
    throw new StateError(
      as.place,
      'Cannot use this "as": it should be a name of letters, digits and _, as user',
    );
  }
  return {
    kind: "group",
    name,
    place,
    items: readItems(steps, problems),
    isOpen: false,
    isLiteral: false,
    ...condition === undefined ? {} : { if: condition },
    ...each === undefined ? {} : { each },
    ...as === undefined ? {} : { as },
  };
}

function readInclude(tree: TreeMap): IncludeItem {
  requireKeys(tree, INCLUDE_KEYS, "an include");
  const state = entryOf(tree, "include")?.value;
  const given = entryOf(tree, "with")?.value;
  const condition = entryOf(tree, "if")?.value;
  if (state?.kind !== "scalar" || state.text === "") {
    throw new StateError(
      state?.place ?? tree.place,
      "Cannot include this: the name of a state should be here, as base/time",
    );
  }
  if (given !== undefined && given.kind !== "map") {
    throw new StateError(
      given.place,
      `Cannot include "${state.text}": "with" is ${
        kindOf(given)
      }, and should be a map of variables`,
    );
  }
  return {
    kind: "include",
    name: undefined,
    state,
    place: tree.place,
    isLiteral: false,
    ...given === undefined ? {} : { with: given },
    ...condition === undefined ? {} : { if: condition },
  };
}

/** True for a text that can be the name of a variable. */
export function isVariable(text: string): boolean {
  return /^[A-Za-z_][A-Za-z0-9_]*$/.test(text);
}

/**
 * Refuses a key that the map of a thing cannot have.
 *
 * @throws {StateError}
 */
function requireKeys(
  { entries }: TreeMap,
  known: readonly string[],
  thing: string,
): void {
  const wrong = entries.find(({ key }) => !known.includes(key));
  if (wrong === undefined) return;
  const all = known.map((key) => `"${key}"`).join(", ");
  throw new StateError(
    wrong.keyPlace,
    `Cannot use the key "${wrong.key}" in ${thing}: ${
      didYouMean(wrong.key, known, `it can have ${all}`)
    }`,
  );
}
