import { HintedError } from "../errors.ts";

/**
 * Makes the error of a request to start something whose answer did not come.
 *
 * @param listLine Command line that shows whether it was started
 */
export function startFailure(
  listLine: string,
): (fact: string) => HintedError {
  return (fact) =>
    new HintedError(
      "UNAVAILABLE",
      `Cannot tell whether anything was started: ${fact}`,
      listLine,
    );
}
