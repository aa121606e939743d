import { PiriError } from "../../../base/errors.ts";

/** Kinds of units, by the ends of their names. */
const KINDS =
  /\.(?:service|socket|target|timer|path|mount|automount|swap|slice|scope|device)$/;

/** Longest name of a unit, in characters. */
const MAX_NAME = 255;

/**
 * Full name of a unit of systemd: a service if the name does not say otherwise.
 *
 * @param mayBeTemplate True where a file is meant, which may stand for many units
 * @throws {PiriError} INVALID_ARGUMENT
 */
export function unitName(name: string, mayBeTemplate = false): string {
  const full = fullName(name);
  const why = unitFlaw(name, mayBeTemplate);
  if (why === undefined) return full;
  throw new PiriError(
    "INVALID_ARGUMENT",
    `Cannot use the unit name "${name}": ${why}`,
  );
}

/** True for the name of a file that stands for many units. */
export function isTemplate(full: string): boolean {
  return /@\.[a-z]+$/.test(full);
}

function fullName(name: string): string {
  return KINDS.test(name) ? name : `${name}.service`;
}

/** Words for the flaw of a name that no unit can have; undefined if it is right. */
export function unitFlaw(
  name: string,
  mayBeTemplate = false,
): string | undefined {
  const full = fullName(name);
  if (full.length > MAX_NAME) {
    return `it is longer than ${MAX_NAME} characters`;
  }
  if (!/^[A-Za-z0-9_][A-Za-z0-9:_.\\@-]*$/.test(full)) {
    return "it can have letters, digits and the characters :_.\\@- only, and begins with a letter or a digit";
  }
  if (isTemplate(full) && !mayBeTemplate) {
    return `it is a template: name an instance of it, as ${
      full.replace("@.", "@one.")
    }`;
  }
  return undefined;
}
