import type { HostReader } from "../host/host.ts";
import type { Forecast } from "../step_operation.ts";
import { decide, type Truth } from "./conditions.ts";
import type { Debt, Owed } from "./owed.ts";
import type { PreparedSheet, PreparedStep } from "./prepare.ts";

/** Part of a step's end that later steps depend on. */
export interface Passed {
  readonly changed: Truth;
  /** True if it failed, or was skipped because another failed: steps that require it are skipped. */
  readonly isLost: boolean;
}

/** Decision before a step is checked. */
export type Decision =
  | { readonly kind: "check" }
  | { readonly kind: "unknown"; readonly reason: string }
  | {
    readonly kind: "skip";
    readonly reason: string;
    /** True if a step that it requires failed. */
    readonly isLost: boolean;
  };

/** Surroundings of the next step. */
export interface Ahead {
  readonly reader: HostReader;
  readonly isAhead: boolean;
  readonly opaque: string | undefined;
}

/** Way through the steps of a sheet, in a plan as well as in a run: decides which are checked. */
export class Walk {
  readonly #sheet: PreparedSheet;
  readonly #owed: Pick<Owed, "to">;
  readonly #passed = new Map<number, Passed>();
  readonly #indexes: ReadonlyMap<string, number>;

  constructor(sheet: PreparedSheet, owed: Pick<Owed, "to">) {
    this.#sheet = sheet;
    this.#owed = owed;
    this.#indexes = new Map(
      sheet.steps.map(({ step, index }) => [step.name, index]),
    );
  }

  /** Notes the end of a step. */
  pass(index: number, passed: Passed): void {
    this.#passed.set(index, passed);
  }

  /** Debts to a step. */
  debtsTo({ step }: PreparedStep): readonly Debt[] {
    return this.#owed.to(this.#sheet.state, step.name);
  }

  /** Decides whether a step is checked. */
  async decide(prepared: PreparedStep, ahead: Ahead): Promise<Decision> {
    const { step, isChosen } = prepared;
    if (!isChosen) return skip("only others were asked for");
    const lost = step.require?.find((each) => this.#passed.get(each)?.isLost);
    if (lost !== undefined) {
      return {
        kind: "skip",
        reason: `it requires "${this.#nameOf(lost)}", which has not succeeded`,
        isLost: true,
      };
    }
    if (step.onchanges !== undefined) {
      const truth = this.#changedFor(prepared, step.onchanges);
      const names = step.onchanges.map((each) => `"${this.#nameOf(each)}"`);
      if (truth === false) {
        return skip(`nothing has changed in ${names.join(", ")}`);
      }
      if (truth === "unknown") {
        return unknown(`it runs on changes of ${names.join(", ")}`);
      }
    }
    if (step.if === undefined) return { kind: "check" };
    const truth = await decide(step.if, {
      ...ahead,
      changed: (steps) => this.#changedFor(prepared, steps),
    });
    if (truth === "unknown") {
      return unknown("its condition depends on steps that have not happened");
    }
    return truth ? { kind: "check" } : skip("its condition is false");
  }

  /**
   * Forecast for the check of a step.
   *
   * @param hasReacted True after its change, which has reacted to the changes of others
   */
  forecastFor(
    prepared: PreparedStep,
    { opaque, hasReacted = false }: {
      readonly opaque?: string | undefined;
      readonly hasReacted?: boolean;
    } = {},
  ): Forecast {
    return {
      step: prepared.index,
      timeoutMs: prepared.step.timeoutMs,
      opaque,
      changed: (index) =>
        hasReacted ? false : this.#changedFor(prepared, [index]),
      nameOf: (index) => this.#nameOf(index),
      named: (path) => this.#sheet.named(path),
    };
  }

  /** True if one of these changed in this run or owes a reaction to the step. */
  #changedFor(prepared: PreparedStep, steps: readonly number[]): Truth {
    const isOwed = this.debtsTo(prepared).some(({ cause }) => {
      const index = this.#indexes.get(cause);
      // The step does not name the cause any more, so that it could not be settled by any other reference.
      return index === undefined || !prepared.causes.includes(index) ||
        steps.includes(index);
    });
    if (isOwed) return true;
    const truths = steps.map((each) => this.#passed.get(each)?.changed);
    if (truths.includes(true)) return true;
    return truths.includes("unknown") ? "unknown" : false;
  }

  #nameOf(index: number): string {
    return this.#sheet.steps[index]?.step.name ?? String(index);
  }
}

function skip(reason: string): Decision {
  return { kind: "skip", reason, isLost: false };
}

function unknown(reason: string): Decision {
  return { kind: "unknown", reason };
}
