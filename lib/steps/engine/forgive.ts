import { PiriError } from "../../base/errors.ts";
import { didYouMean } from "../../base/nearest.ts";
import { meansStep, tailsOf } from "../step_words.ts";
import type { Debt } from "./owed.ts";

/** Steps whose debts are to be forgiven. */
export interface Forgiven {
  /** Names of steps that react, the ends of these, or patterns. */
  readonly steps: readonly string[];
  /** Name of the state; any if absent. The whole state of an agent has the empty name. */
  readonly state?: string | undefined;
}

/**
 * Debts that are meant.
 *
 * @throws {PiriError} NOT_FOUND for a word that means none of them
 */
export function debtsMeant(
  all: readonly Debt[],
  { steps, state }: Forgiven,
): readonly Debt[] {
  const debts = all.filter((debt) =>
    state === undefined || debt.state === state
  );
  for (const word of steps) {
    if (debts.some((debt) => isMeant(word, debt))) continue;
    const names = [...new Set(debts.map(({ listener }) => listener))];
    throw new PiriError(
      "NOT_FOUND",
      `Cannot forgive what is owed to step "${word}": nothing is owed to it${
        names.length === 0 ? "" : `, ${
          didYouMean(
            word,
            names.flatMap(tailsOf),
            `but to ${names.map(quoted).join(", ")}`,
          )
        }`
      }`,
    );
  }
  return debts.filter((debt) => steps.some((word) => isMeant(word, debt)));
}

function isMeant(word: string, { listener }: Debt): boolean {
  return meansStep(word, { name: listener });
}

function quoted(name: string): string {
  return `"${name}"`;
}
