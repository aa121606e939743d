import { resolve } from "@std/path";
import { PiriError } from "../../base/errors.ts";
import { didYouMean } from "../../base/nearest.ts";
import { checkStepParams } from "../check_parameters.ts";
import { meansStep, tailsOf } from "../step_words.ts";
import { changedIn } from "../parse_sheet.ts";
import type { Sheet, SheetStep } from "../sheet.ts";
import type { StepOperation, StepParams } from "../step_operation.ts";

/** Step with its operation and checked parameters. */
export interface PreparedStep {
  readonly index: number;
  readonly step: SheetStep;
  readonly operation: StepOperation;
  readonly params: StepParams;
  /** Steps whose change it reacts to. */
  readonly causes: readonly number[];
  /** False if only others were asked for. */
  readonly isChosen: boolean;
}

/** Steps of a sheet, ready to be run. */
export interface PreparedSheet {
  readonly state: string;
  readonly steps: readonly PreparedStep[];
  /** Steps that react to the change of a step, by its place. */
  listenersOf(index: number): readonly PreparedStep[];
  /** "itself" if a step names the path, "below" if one names something below it. */
  named(path: string): "itself" | "below" | undefined;
}

/**
 * Finds the operations of a sheet and checks all parameters, before anything is done.
 *
 * @param only Full names, ends of names, tags or patterns of the steps to run, with what they require; all if absent
 * @throws {PiriError} INVALID_ARGUMENT; UNSUPPORTED for an operation that this agent does not have
 */
export function prepare(
  { state, steps }: Sheet,
  operations: readonly StepOperation[],
  only?: readonly string[],
): PreparedSheet {
  const byName = new Map(operations.map((each) => [each.name, each]));
  const chosen = chosenOf(steps, only);
  const prepared = steps.map((step, index): PreparedStep => {
    const operation = byName.get(step.operation);
    if (operation === undefined) {
      throw unknownOperation(step, [...byName.keys()]);
    }
    const params = checkStepParams(operation, step.params, step.name);
    const listed = Object.entries(operation.parameters)
      .filter(([, { type }]) => type === "steps")
      .flatMap(([name]) => (params[name] ?? []) as number[]);
    const late = listed.find((each) => each >= index);
    if (late !== undefined) {
      throw new PiriError(
        "INVALID_ARGUMENT",
        `Cannot run step "${step.name}": it refers to step ${late}, which is not before it`,
      );
    }
    const causes = new Set([
      ...step.onchanges ?? [],
      ...changedIn(step.if),
      ...listed,
    ]);
    const isChosen = chosen.has(index);
    return { index, step, operation, params, causes: [...causes], isChosen };
  });
  const listeners = new Map<number, PreparedStep[]>();
  for (const each of prepared) {
    for (const cause of each.causes) {
      listeners.set(cause, [...listeners.get(cause) ?? [], each]);
    }
  }
  let names: ReadonlyMap<string, "itself" | "below"> | undefined;
  return {
    state,
    steps: prepared,
    listenersOf: (index) => listeners.get(index) ?? [],
    named: (path) => (names ??= namedBy(prepared)).get(path),
  };
}

/** Paths that steps write, and all above them. */
function namedBy(
  steps: readonly PreparedStep[],
): ReadonlyMap<string, "itself" | "below"> {
  const named = new Map<string, "itself" | "below">();
  const paths = steps.flatMap(({ operation, params }) =>
    operation.touches?.(params) ?? []
  );
  for (const path of paths) {
    const names = path.split("/").filter((name) => name !== "");
    names.forEach((_, at) =>
      named.set(`/${names.slice(0, at + 1).join("/")}`, "below")
    );
  }
  for (const path of paths) named.set(resolve(path), "itself");
  return named;
}

function chosenOf(
  steps: readonly SheetStep[],
  only: readonly string[] | undefined,
): Set<number> {
  if (only === undefined) return new Set(steps.keys());
  const chosen = new Set<number>();
  const choose = (index: number) => {
    if (chosen.has(index)) return;
    chosen.add(index);
    for (const each of steps[index]?.require ?? []) choose(each);
  };
  for (const word of only) {
    const found = [...steps.entries()].filter(([, step]) =>
      meansStep(word, step)
    );
    for (const [index] of found) choose(index);
    if (found.length > 0) continue;
    const names = steps.flatMap(({ name, tags = [] }) => [
      ...tailsOf(name),
      ...tags,
    ]);
    throw new PiriError(
      "INVALID_ARGUMENT",
      `Cannot run only "${word}": no step has this name or tag, ${
        didYouMean(word, names, "`state show` lists them")
      }`,
    );
  }
  return chosen;
}

function unknownOperation(
  { name, operation }: SheetStep,
  names: readonly string[],
): PiriError {
  return new PiriError(
    "UNSUPPORTED",
    `Cannot run step "${name}": this agent has no operation "${operation}", ${
      didYouMean(operation, names, `it has ${names.join(", ")}`)
    }`,
  );
}
