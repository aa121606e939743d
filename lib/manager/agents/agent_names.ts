import { PiriError } from "../../base/errors.ts";
import { NAME_PATTERN } from "../../base/limits.ts";
import { isReservedName } from "../../targets/reserved_names.ts";

/**
 * Requires a name that a new agent or group may have.
 *
 * @throws {PiriError} INVALID_ARGUMENT
 */
export function requireName(kind: string, name: string): void {
  if (isReservedName(name)) {
    throw new PiriError(
      "INVALID_ARGUMENT",
      `Cannot use "${name}" as the name of ${kind}: it is a word of target expressions, such as all and failed`,
    );
  }
  if (NAME_PATTERN.test(name)) return;
  throw new PiriError(
    "INVALID_ARGUMENT",
    `Cannot use "${
      name.slice(0, 100)
    }" as the name of ${kind}: it may have 1 to 100 letters, digits, dots, hyphens and underscores, and begins and ends with a letter or digit`,
  );
}
