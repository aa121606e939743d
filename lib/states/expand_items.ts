import type { StepDescription } from "../steps/step_operation.ts";
import { didYouMean } from "../base/nearest.ts";
import type { Blobs } from "./blobs.ts";
import { both, type Condition, readCondition } from "./conditions.ts";
import type { ContentFiles } from "./content_files.ts";
import type { Draft } from "./draft.ts";
import type { Scope } from "./expressions.ts";
import type { FactReads } from "./fact_drop.ts";
import type { Interpolation } from "./interpolate.ts";
import type { GroupItem, IncludeItem, Item, StepItem } from "./item.ts";
import { iterationsOf } from "./iterations.ts";
import type { CustomModuleUse } from "./custom/custom_module_use.ts";
import { formatPlace, type Place } from "./place.ts";
import { type Problems, StateError } from "./problems.ts";
import { readReferences, scalarOf } from "./read_parameter.ts";
import { operationOf, readStep } from "./read_step.ts";
import { ownStep } from "./redpepper_step.ts";
import type { StateFiles, StateOwner } from "./state_files.ts";
import {
  fullName,
  keyOf,
  keysOf,
  nameOf,
  shortText,
  type Surroundings,
} from "./surroundings.ts";
import type { Tree } from "./tree.ts";

/** Largest number of steps of a state. */
export const MAX_STEPS = 10_000;

/** Deepest nesting of includes. */
export const MAX_INCLUDE_DEPTH = 16;

/** Step that the facts of an agent rule out. */
export interface LeftOut {
  readonly name: string;
  readonly place: Place;
}

/** Parts that the items of a state are expanded with. */
export interface ExpandOptions {
  readonly owner: StateOwner;
  readonly states: StateFiles;
  readonly names: () => Promise<readonly string[]>;
  readonly operations: ReadonlyMap<string, StepDescription>;
  readonly modules: CustomModuleUse;
  readonly interpolation: Interpolation;
  readonly files: ContentFiles;
  readonly facts: FactReads;
  readonly blobs: Blobs;
  readonly problems: Problems;
}

/** Turns the items of a state into steps: conditions, iterations, includes and expressions have been followed. */
export class ItemExpansion {
  readonly drafts: Draft[] = [];
  readonly leftOut: LeftOut[] = [];
  /** Names of the states that were included. */
  readonly includes = new Set<string>();
  readonly #options: ExpandOptions;
  readonly #places = new Map<string, Place>();
  /** Includes that are there already, with their variables. */
  readonly #included = new Set<string>();

  constructor(options: ExpandOptions) {
    this.#options = options;
  }

  /** Expands the state of a name. */
  async state(name: string, scope: Scope): Promise<void> {
    const { states, owner } = this.#options;
    const { items, problems } = await states.itemsOf(name, owner);
    for (const { place, message } of problems) {
      this.#options.problems.add(place, message);
    }
    await this.#items(items, {
      scope,
      path: [],
      chain: [],
      conditions: [],
      require: [],
      iterations: [],
      labels: "",
      isCounted: false,
      includes: [name],
      follows: undefined,
    });
  }

  async #items(items: readonly Item[], around: Surroundings): Promise<void> {
    const { problems } = this.#options;
    for (const item of items) {
      if (problems.isFull || this.drafts.length > MAX_STEPS) return;
      try {
        await this.#item(item, around);
      } catch (error) {
        if (!(error instanceof StateError)) throw error;
        problems.add(error.place, error.message);
      }
    }
  }

  async #item(item: Item, around: Surroundings): Promise<void> {
    const { each, as, condition } = keysOf(item);
    if (condition !== undefined && this.#isRuledOut(condition, item, around)) {
      await this.#leaveOut(item, around);
      return;
    }
    if (each === undefined) {
      await this.#one(item, this.#decided(condition, item, around));
      return;
    }
    const variable = as?.kind === "scalar" ? as.text : "item";
    const value = this.#options.interpolation.valueOf(each, around.scope);
    for (const iteration of iterationsOf(value, each.place)) {
      const { label, isCounted } = iteration;
      const inside: Surroundings = {
        ...around,
        scope: { ...around.scope, [variable]: iteration.value },
        chain: [...around.chain, `${nameOf(item)}[${label}]`],
        iterations: [
          ...around.iterations,
          `${formatPlace(item.place)}[${label}]${around.labels}`,
        ],
        labels: `${around.labels}[${label}]`,
        isCounted: around.isCounted || isCounted,
      };
      await this.#options.problems.within(
        `${nameOf(item)}[${label}]`,
        () => this.#one(item, this.#decided(condition, item, inside)),
      );
    }
  }

  /** True if a condition is false whatever an iteration has. One that needs the item is decided for each item. */
  #isRuledOut(condition: Tree, item: Item, around: Surroundings): boolean {
    try {
      return this.#read(condition, item, around) === false;
    } catch (error) {
      if (!(error instanceof StateError)) throw error;
      return false;
    }
  }

  #read(
    condition: Tree,
    { isLiteral }: Item,
    { scope }: Surroundings,
  ): Condition | boolean {
    const { interpolation, facts } = this.#options;
    return readCondition(condition, { interpolation, facts, scope, isLiteral });
  }

  /** Surroundings with a condition added; undefined if it is false. */
  #decided(
    condition: Tree | undefined,
    item: Item,
    around: Surroundings,
  ): Surroundings | undefined {
    if (condition === undefined) return around;
    const answer = this.#read(condition, item, around);
    if (answer === true) return around;
    if (answer !== false) {
      return { ...around, conditions: [...around.conditions, answer] };
    }
    this.leftOut.push({
      name: fullName(nameOf(item), around),
      place: item.place,
    });
    return undefined;
  }

  async #one(item: Item, around: Surroundings | undefined): Promise<void> {
    if (around === undefined) return;
    if (item.kind === "step") await this.#step(item, around);
    else if (item.kind === "group") await this.#group(item, around);
    else await this.#include(item, around);
  }

  async #group(item: GroupItem, around: Surroundings): Promise<void> {
    const require = (item.require ?? []).flatMap((tree) =>
      readReferences(tree, "require")
    );
    const follows = item.follows === undefined
      ? around.follows
      : fullName(item.follows, around);
    const inside = {
      ...around,
      path: [...around.path, item.name],
      require: [...around.require, ...require],
      follows,
    };
    await this.#items(item.items, inside);
  }

  async #include(item: IncludeItem, around: Surroundings): Promise<void> {
    const { interpolation, states, owner, problems } = this.#options;
    const { place } = item.state;
    const name = this.#stateName(item, around);
    const vars = item.with === undefined
      ? {}
      : interpolation.valueOf(item.with, around.scope);
    const key = JSON.stringify([name, around.labels]) + keyOf(vars);
    if (around.includes.includes(name)) {
      const circle = [...around.includes, name]
        .filter((each) => each !== "")
        .map((each) => `"${each}"`);
      throw new StateError(
        place,
        `Cannot include "${name}": it is included by itself, ${
          circle.join(" -> ")
        }`,
      );
    }
    if (around.includes.length > MAX_INCLUDE_DEPTH) {
      throw new StateError(
        place,
        `Cannot include "${name}": includes are nested deeper than ${MAX_INCLUDE_DEPTH}`,
      );
    }
    const found = await states.itemsOf(name, owner);
    if (found.paths.length === 0) {
      const known = (await this.#options.names()).filter((each) => each !== "");
      throw new StateError(
        place,
        `Cannot include "${name}": this agent has no such state; ${
          didYouMean(name, known, `it would be in states/all/${name}.yaml`)
        }`,
      );
    }
    this.includes.add(name);
    if (this.#included.has(key)) return;
    this.#included.add(key);
    const link = `include ${name} (${formatPlace(place)})`;
    await problems.within(link, async () => {
      for (const problem of found.problems) {
        problems.add(problem.place, problem.message);
      }
      await this.#items(found.items, {
        ...around,
        scope: { ...around.scope, vars },
        chain: [...around.chain, link],
        includes: [...around.includes, name],
      });
    });
  }

  #stateName({ state }: IncludeItem, { scope }: Surroundings): string {
    const resolved = this.#options.interpolation.resolve(state, scope) ?? state;
    const { text, place } = scalarOf(
      resolved,
      "include",
      "the name of a state",
    );
    if (
      /^[A-Za-z0-9][A-Za-z0-9._-]*(?:\/[A-Za-z0-9][A-Za-z0-9._-]*)*$/.test(text)
    ) {
      return text;
    }
    throw new StateError(
      place,
      `Cannot include "${text}": it is no name of a state; states/all/base/time.yaml has the name base/time`,
    );
  }

  async #step(given: StepItem, around: Surroundings): Promise<void> {
    const { problems, operations, modules } = this.#options;
    const item = ownStep(given, operations);
    const operation = await modules.operationOf(item) ??
      operationOf(item, operations);
    const read = await readStep(item, operation, {
      ...this.#options,
      scope: around.scope,
    });
    if (read === undefined) return;
    const subject = read.params[operation.subject];
    const own = item.name ??
      (subject === undefined
        ? operation.name
        : `${operation.name} ${shortText(subject)}`);
    const name = fullName(own, {
      ...around,
      labels: item.name === undefined ? "" : around.labels,
    });
    this.#take(name, item.place);
    const follows = item.follows === undefined
      ? around.follows
      : fullName(item.follows, around);
    const condition = both(around.conditions);
    if (this.drafts.length === MAX_STEPS) {
      problems.add(
        item.place,
        `Cannot use this step: the limit of a state is ${MAX_STEPS} steps`,
      );
    }
    this.drafts.push({
      name,
      place: item.place,
      chain: around.chain,
      operation,
      params: read.params,
      listeners: read.listeners,
      condition: typeof condition === "boolean" ? undefined : condition,
      require: [...around.require, ...read.require],
      onchanges: follows === undefined
        ? read.onchanges
        : [...read.onchanges, { text: follows, place: item.place }],
      settings: read.settings,
      iterations: around.iterations,
      follows,
      isCounted: around.isCounted,
    });
  }

  /** Notes the name of a step. It must be the only one with it. */
  #take(name: string, place: Place): void {
    const first = this.#places.get(name);
    if (first === undefined) {
      this.#places.set(name, place);
      return;
    }
    throw new StateError(
      place,
      `Cannot use the name "${name}" for two steps: it is taken at ${
        formatPlace(first)
      }; give one of them another name`,
    );
  }

  /** Notes the names of all steps of an item that the facts rule out, so that references to them are known. */
  async #leaveOut(item: Item, around: Surroundings): Promise<void> {
    if (item.kind === "include") {
      const name = item.state.text;
      const { items } = await this.#options.states.itemsOf(
        name,
        this.#options.owner,
      );
      if (around.includes.includes(name)) return;
      const includes = [...around.includes, name];
      for (const each of items) {
        await this.#leaveOut(each, { ...around, includes });
      }
      return;
    }
    if (item.kind === "step") {
      const name = fullName(nameOf(item), around);
      this.leftOut.push({ name, place: item.place });
      return;
    }
    const inside = { ...around, path: [...around.path, item.name] };
    for (const each of item.items) await this.#leaveOut(each, inside);
  }
}
