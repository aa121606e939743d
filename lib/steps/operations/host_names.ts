import { PiriError } from "../../base/errors.ts";

/** Longest name of a host, and longest part of it, in characters. */
const MAX_NAME = 253;
const MAX_LABEL = 63;

/**
 * Refuses what is no name of a host.
 *
 * @throws {PiriError} INVALID_ARGUMENT
 */
export function requireHostName(name: string, max = MAX_NAME): void {
  const isRight = name.length > 0 && name.length <= max &&
    name.split(".").every((label) =>
      label.length <= MAX_LABEL &&
      /^[A-Za-z0-9_](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?$/.test(label)
    );
  if (isRight) return;
  throw new PiriError(
    "INVALID_ARGUMENT",
    `Cannot use the host name "${name}": it can have letters, digits and hyphens between dots only, ${max} characters at most`,
  );
}
