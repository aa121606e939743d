import type { SheetCondition, SheetStep } from "../steps/sheet.ts";
import type { Condition } from "./conditions.ts";
import type { Draft } from "./draft.ts";
import { orderSteps } from "./order_steps.ts";
import { type Problems, StateError } from "./problems.ts";
import type { Reference } from "./read_parameter.ts";
import { StepNames } from "./step_names.ts";

/** Steps in the order of their run. */
export interface LinkedSteps {
  readonly steps: readonly SheetStep[];
  /** Drafts of the same steps, in the same order. */
  readonly drafts: readonly Draft[];
  /** Steps that never run because all that they wait to change was left out. */
  readonly leftOut: readonly Draft[];
}

/** References of a step as indices of drafts. */
interface Links {
  readonly require: readonly number[];
  readonly onchanges: readonly number[];
  readonly listeners: Readonly<Record<string, readonly number[]>>;
  readonly condition: SheetCondition | undefined;
  /** All steps that it must come after. */
  readonly after: readonly number[];
  /** True if it can never run. */
  readonly isDead: boolean;
}

/** Finds the steps that references mean, and puts all steps in the order of their run. Undefined if there were errors. */
export function linkSteps(
  drafts: readonly Draft[],
  leftOut: readonly string[],
  problems: Problems,
): LinkedSteps | undefined {
  const names = new StepNames(drafts, leftOut);
  const linker = new Linker(names, problems);
  const links = drafts.map((draft, index) => linker.link(draft, index));
  if (linker.hasFailed) return undefined;
  const waitsFor = withFollowers(drafts, links);
  const found = orderSteps(waitsFor);
  if ("circle" in found) {
    tellCircle(found.circle, drafts, problems);
    return undefined;
  }
  const living = found.order.filter((index) => links[index]?.isDead === false);
  const placeOf = new Map(living.map((index, place) => [index, place]));
  const steps = living.flatMap((index) => {
    const draft = drafts[index];
    const link = links[index];
    return draft === undefined || link === undefined
      ? []
      : [sheetStep(draft, link, placeOf)];
  });
  const at = (index: number) => drafts[index] ?? [];
  return {
    steps,
    drafts: living.flatMap(at),
    leftOut: drafts.filter((_, index) => links[index]?.isDead === true),
  };
}

class Linker {
  readonly #names: StepNames;
  readonly #problems: Problems;
  readonly #dead = new Set<number>();
  /** True if a reference could not be followed. */
  hasFailed = false;

  constructor(names: StepNames, problems: Problems) {
    this.#names = names;
    this.#problems = problems;
  }

  link(draft: Draft, index: number): Links {
    const after = new Set<number>();
    const require = this.#all(draft, draft.require, (reference) => {
      const steps = this.#names.one(reference, draft);
      if (!steps.includes(index)) return steps;
      throw new StateError(
        reference.place,
        `Cannot require "${reference.text}": the step would wait for itself`,
      );
    });
    const back = (references: readonly Reference[]) => {
      const steps = this.#all(
        draft,
        references,
        (reference) => this.#before(reference, draft, index),
      );
      for (const step of steps) after.add(step);
      return steps.filter((step) => !this.#dead.has(step));
    };
    const onchanges = back(draft.onchanges);
    const listeners = Object.fromEntries(
      Object.entries(draft.listeners).map(([name, each]) => [name, back(each)]),
    );
    const condition = draft.condition === undefined
      ? true
      : conditionOf(draft.condition, back);
    const isDead = condition === false ||
      (draft.onchanges.length > 0 && onchanges.length === 0);
    if (isDead) this.#dead.add(index);
    for (const step of require) after.add(step);
    return {
      require: require.filter((step) => !this.#dead.has(step)),
      onchanges,
      listeners,
      condition: typeof condition === "boolean" ? undefined : condition,
      after: [...after],
      isDead,
    };
  }

  #before(reference: Reference, draft: Draft, index: number) {
    const steps = this.#names.any(reference, draft);
    const earlier = steps.filter((step) => step < index);
    if (earlier.length > 0 || steps.length === 0) return earlier;
    throw new StateError(
      reference.place,
      `Cannot look back to "${reference.text}": it comes later; only "require" may name a later step`,
    );
  }

  #all(
    { chain }: Draft,
    references: readonly Reference[],
    find: (reference: Reference) => readonly number[],
  ): number[] {
    const steps = references.flatMap((reference) => {
      const found = this.#problems.along(chain, () => find(reference));
      if (found === undefined) this.hasFailed = true;
      return found ?? [];
    });
    return [...new Set(steps)].toSorted((one, other) => one - other);
  }
}

/** Condition with places in place of references. What waits for steps that were left out is false. */
function conditionOf(
  condition: Condition,
  find: (references: readonly Reference[]) => readonly number[],
): SheetCondition | boolean {
  switch (condition.kind) {
    case "changed": {
      const steps = find(condition.references);
      return steps.length > 0 && { kind: "changed", steps };
    }
    case "not": {
      const of = conditionOf(condition.of, find);
      return typeof of === "boolean" ? !of : { kind: "not", of };
    }
    case "all":
    case "any": {
      const decides = condition.kind === "any";
      const all = condition.of.map((each) => conditionOf(each, find));
      if (all.includes(decides)) return decides;
      const of = all.filter((each) => typeof each === "object");
      const [only] = of;
      if (only === undefined) return !decides;
      return of.length === 1 ? only : { kind: condition.kind, of };
    }
    default:
      return condition;
  }
}

/** Steps that each step waits for. Who waits for a step waits for those that follow it as well. */
function withFollowers(
  drafts: readonly Draft[],
  links: readonly Links[],
): number[][] {
  const byName = new Map(drafts.map(({ name }, index) => [name, index]));
  const followers = new Map<number, number[]>();
  for (const [index, { follows }] of drafts.entries()) {
    const step = follows === undefined ? undefined : byName.get(follows);
    if (step === undefined) continue;
    followers.set(step, [...followers.get(step) ?? [], index]);
  }
  return links.map(({ after }, index) => {
    const { follows } = drafts[index] ?? {};
    const more = after.flatMap((step) =>
      drafts[step]?.name === follows ? [] : followers.get(step) ?? []
    );
    return [...after, ...more.filter((step) => step !== index)];
  });
}

function sheetStep(
  { name, operation, params, settings }: Draft,
  { require, onchanges, listeners, condition }: Links,
  placeOf: ReadonlyMap<number, number>,
): SheetStep {
  const at = (steps: readonly number[]) =>
    steps.flatMap((step) => placeOf.get(step) ?? [])
      .toSorted((one, other) => one - other);
  const heard = Object.entries(listeners).flatMap(([key, steps]) =>
    steps.length === 0 ? [] : [[key, at(steps)]]
  );
  const wanted = at(require);
  return {
    name,
    operation: operation.name,
    params: { ...params, ...Object.fromEntries(heard) },
    ...condition === undefined ? {} : { if: placed(condition, at) },
    ...wanted.length === 0 ? {} : { require: wanted },
    ...onchanges.length === 0 ? {} : { onchanges: at(onchanges) },
    ...settings,
  };
}

function placed(
  condition: SheetCondition,
  at: (steps: readonly number[]) => number[],
): SheetCondition {
  switch (condition.kind) {
    case "changed":
      return { kind: "changed", steps: at(condition.steps) };
    case "not":
      return { kind: "not", of: placed(condition.of, at) };
    case "all":
    case "any":
      return {
        kind: condition.kind,
        of: condition.of.map((each) => placed(each, at)),
      };
    default:
      return condition;
  }
}

function tellCircle(
  circle: readonly number[],
  drafts: readonly Draft[],
  problems: Problems,
): void {
  const [first = 0] = circle;
  const names = [...circle, first].map((index) => `"${drafts[index]?.name}"`);
  const draft = drafts[first];
  const place = draft?.require[0]?.place ?? draft?.place;
  if (place === undefined) return;
  problems.add(
    place,
    `Cannot order the steps: they wait for each other in a circle, ${
      names.join(" -> ")
    }`,
  );
}
