import { quoted, type ValuePlace, WrongValue } from "../wrong_value.ts";

/** Longest name of a host, and longest part of it, in characters. */
const MAX_NAME = 253;
const MAX_LABEL = 63;

/**
 * Refuses what is no name of a host.
 *
 * @throws {WrongValue}
 */
export function requireHostName(
  name: string,
  at: ValuePlace,
  max = MAX_NAME,
): void {
  const isRight = name.length > 0 && name.length <= max &&
    name.split(".").every((label) =>
      label.length <= MAX_LABEL &&
      /^[A-Za-z0-9_](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?$/.test(label)
    );
  if (isRight) return;
  throw new WrongValue(
    at,
    `${
      quoted(name)
    } is no name of a host: it can have letters, digits and hyphens between dots only, ${max} characters at most`,
  );
}
