import type { SheetValue } from "../sheet.ts";
import type { StepDescription } from "../step_operation.ts";
import { WrongValue } from "../wrong_value.ts";
import { isSealed, referencesIn } from "./secret_values.ts";

type Params = Readonly<Record<string, SheetValue>>;

/** First value of a step that no host takes. Values with secrets in them are left to the host. */
export function wrongValueIn(
  { validate }: Pick<StepDescription, "validate">,
  params: Params,
): WrongValue | undefined {
  try {
    validate?.(knownOf(params));
    return undefined;
  } catch (error) {
    if (error instanceof WrongValue) return error;
    throw error;
  }
}

/** Parameters without texts that have secrets in them: those of a map go alone, and a list goes as a whole. */
function knownOf(params: Params): Params {
  return Object.fromEntries(
    Object.entries(params).flatMap(([name, value]) => {
      if (referencesIn(value).length === 0) return [[name, value]];
      if (isSealed(value) || Array.isArray(value)) return [];
      const known = Object.entries(value as Params)
        .filter(([, each]) => referencesIn(each).length === 0);
      return [[name, Object.fromEntries(known)]];
    }),
  );
}
