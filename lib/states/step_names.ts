import { didYouMean } from "../base/nearest.ts";
import type { Draft } from "./draft.ts";
import { StateError } from "./problems.ts";
import type { Reference } from "./read_parameter.ts";

/** Names that an error shows at most. */
const MAX_SHOWN = 3;

/** Steps by their full names and the tails of these; also groups, and steps that were left out. */
export class StepNames {
  readonly #steps = new Map<string, number[]>();
  readonly #groups = new Map<string, number[]>();
  readonly #leftOut = new Set<string>();
  readonly #drafts: readonly Draft[];

  constructor(drafts: readonly Draft[], leftOut: Iterable<string>) {
    this.#drafts = drafts;
    for (const [index, { name }] of drafts.entries()) {
      for (const each of tailsOf(name)) add(this.#steps, each, index);
      for (const group of groupsOf(name)) {
        for (const each of tailsOf(group)) add(this.#groups, each, index);
      }
    }
    for (const name of leftOut) {
      for (const full of [name, ...groupsOf(name)]) {
        for (const each of tailsOf(full)) this.#leftOut.add(each);
      }
    }
  }

  /**
   * Step that a reference means, or the steps of a group. None if all that it means was left out.
   *
   * @throws {StateError} for a name that nothing has, or that several have
   */
  one(reference: Reference, from: Draft): readonly number[] {
    const found = this.#steps.get(reference.text) ?? [];
    const near = this.#nearest(found, from);
    if (near.length > 1) {
      const names = near.slice(0, MAX_SHOWN)
        .map((index) => `"${this.#drafts[index]?.name}"`);
      throw new StateError(
        reference.place,
        `Cannot require "${reference.text}": ${near.length} steps have this name, ${
          names.join(", ")
        }${near.length > MAX_SHOWN ? " and others" : ""}; write one full name`,
      );
    }
    return near.length === 1 ? near : this.#group(reference, from);
  }

  /** Steps that a reference means: several if several have its name. Throws as `one` for an unknown name. */
  any(reference: Reference, from: Draft): readonly number[] {
    const found = this.#steps.get(reference.text) ?? [];
    return found.length > 0
      ? this.#nearest(found, from)
      : this.#group(reference, from);
  }

  #group(reference: Reference, from: Draft): readonly number[] {
    const steps = this.#nearest(this.#groups.get(reference.text) ?? [], from);
    if (steps.length > 0 || this.#leftOut.has(reference.text)) return steps;
    const known = [...this.#steps.keys(), ...this.#groups.keys()];
    throw new StateError(
      reference.place,
      `Cannot find the step "${reference.text}": ${
        didYouMean(
          reference.text,
          known,
          'no step has this name; "piri-manager state show" prints all names',
        )
      }`,
    );
  }

  /** Steps in the innermost iteration that holds the referring step, too; all if none is. */
  #nearest(found: readonly number[], { iterations }: Draft): readonly number[] {
    for (const iteration of iterations.toReversed()) {
      const inside = found.filter((index) =>
        this.#drafts[index]?.iterations.includes(iteration)
      );
      if (inside.length > 0) return inside;
    }
    return found;
  }
}

/** A full name and its tails; with and without the labels of iterations. */
function tailsOf(name: string): Set<string> {
  const parts = name.split(":");
  const tails = parts.map((_, index) => parts.slice(index).join(":"));
  return new Set([
    ...tails,
    ...tails.map((tail) => tail.replace(/(?:\[[^\]]*\])+$/, "")),
  ]);
}

/** Full names of the groups that a step is in. */
function groupsOf(name: string): string[] {
  const parts = name.split(":");
  return parts.slice(1).map((_, index) => parts.slice(0, index + 1).join(":"));
}

function add(map: Map<string, number[]>, key: string, index: number): void {
  const known = map.get(key);
  if (known === undefined) map.set(key, [index]);
  else known.push(index);
}
