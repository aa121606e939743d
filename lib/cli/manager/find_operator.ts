import type { Operator } from "../../../proto/gen/piri/control/v1/control_messages.ts";
import { codeOf, messageOf } from "../../base/errors.ts";
import { didYouMean } from "../../base/nearest.ts";
import { HintedError } from "../errors.ts";
import type { Control } from "./services.ts";

/**
 * An operator by name.
 *
 * @throws {PiriError} NOT_FOUND
 */
export async function findOperator(
  control: Control,
  name: string,
): Promise<Operator> {
  const { operators } = await control.operators.listOperators({});
  const found = operators.find((operator) => operator.name === name);
  if (found !== undefined) return found;
  throw unknown(
    `Cannot find operator "${name}"`,
    name,
    operators.map((operator) => operator.name),
  );
}

/** Waits for an answer about one operator. If there is none of that name, the nearest name becomes the hint. */
export async function withOperatorHint<T>(
  answer: Promise<T>,
  name: string,
  control: Control,
): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    if (codeOf(error) !== "NOT_FOUND") throw error;
    const { operators } = await control.operators.listOperators({});
    const names = operators.map((operator) => operator.name);
    throw names.includes(name)
      ? error
      : unknown(messageOf(error), name, names, { cause: error });
  }
}

function unknown(
  message: string,
  name: string,
  names: readonly string[],
  options?: ErrorOptions,
): HintedError {
  return new HintedError(
    "NOT_FOUND",
    message,
    didYouMean(name, names, "piri-manager operator list lists them all"),
    options,
  );
}
