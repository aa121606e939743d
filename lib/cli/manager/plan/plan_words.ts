import type { Flags, HelpSection } from "../../command.ts";
import { HintedError } from "../../errors.ts";
import { idKind, parseIdOf } from "../typed_id.ts";

/** Argument of subcommands that take a state and agents. */
export const STATE_AND_TARGETS =
  "name of a state and target expressions; one word alone is an expression, for the whole states of the agents";

/** Flags that bound what is planned or applied. */
export const STEP_FLAGS = {
  only: {
    type: "repeated",
    value: "STEP",
    summary: "only these steps, with what they require",
  },
  strict: {
    type: "boolean",
    summary: "refuse what a plan cannot tell before it happens",
  },
} as const satisfies Flags;

/** Help about these flags. */
export const STEP_HELP: HelpSection = {
  title: "Steps of --only",
  lines: [
    ["'Web server:Site', Site", "a full name, or its end behind a colon"],
    ["'Web server:*', '*:Site'", "a pattern for one of these"],
    ["config", "a tag"],
  ],
};

/**
 * A state and target expressions, as they are typed: one word alone is an expression.
 *
 * @throws {PiriError} INVALID_ARGUMENT
 */
export function stateAndTargets(
  words: readonly string[],
): { readonly stateName: string; readonly expressions: readonly string[] } {
  const [first, ...others] = words;
  if (first === undefined) {
    throw new HintedError(
      "INVALID_ARGUMENT",
      "Cannot plan: neither a state nor agents are given",
      "piri-manager plan web '@web', or piri-manager plan all",
    );
  }
  return others.length === 0
    ? { stateName: "", expressions: [first] }
    : { stateName: first, expressions: others };
}

/** True for the id of a plan. */
export function isPlanId(word: string): boolean {
  return idKind(word) === "plan";
}

/**
 * Reads the id of a plan: p-17 or 17.
 *
 * @throws {PiriError} INVALID_ARGUMENT
 */
export function parsePlanId(text: string): bigint {
  return parseIdOf("plan", text);
}
