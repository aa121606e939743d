import { PiriError } from "../../base/errors.ts";
import { Limits } from "../../base/limits.ts";

/**
 * Parameters of an operation as JSON.
 *
 * @param params The parameters.
 * @throws {PiriError} INVALID_ARGUMENT if they are too large for any agent
 */
export function paramsText(
  params: Readonly<Record<string, unknown>>,
): string {
  const text = JSON.stringify(params);
  const size = new TextEncoder().encode(text).length;
  if (size <= Limits.params) return text;
  throw new PiriError(
    "INVALID_ARGUMENT",
    `Cannot run: the parameters take ${size} bytes, the limit is ${Limits.params}; put a long text into a file in files/all in the Manager's folder, and fetch it with --op file.Fetch`,
  );
}
