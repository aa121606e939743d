import { PACKAGE_PATTERNS } from "../providers/packages/find_manager.ts";
import { quoted, WrongValue } from "../wrong_value.ts";

/**
 * Refuses what is no name of a package for any manager.
 *
 * @throws {WrongValue}
 */
export function requirePackages(
  parameter: string,
  names: readonly string[],
): void {
  const wrong = names.findIndex((name) =>
    !PACKAGE_PATTERNS.some((pattern) => pattern.test(name))
  );
  if (wrong < 0) return;
  throw new WrongValue(
    [parameter, wrong],
    `${
      quoted(names[wrong] ?? "")
    } is no name of a package for any package manager`,
  );
}

/**
 * Refuses names of packages that no manager takes, and a step without any.
 *
 * @throws {WrongValue}
 */
export function requireNames(
  { name, names }: {
    readonly name?: readonly string[];
    readonly names?: readonly string[];
  },
): void {
  const parameter = names === undefined ? "name" : "names";
  const all = names ?? name ?? [];
  if (all.length === 0) {
    throw new WrongValue([parameter], "no name of a package is given");
  }
  requirePackages(parameter, all);
}

/**
 * Refuses options that the program would take for names of packages.
 *
 * @throws {WrongValue}
 */
export function requireOptions(options: readonly string[] = []): void {
  const wrong = options.findIndex((each) => !/^-./.test(each) || each === "--");
  if (wrong < 0) return;
  throw new WrongValue(
    ["options", wrong],
    `${
      quoted(options[wrong] ?? "")
    } is no option: one begins with "-", and has its value in the same word, as --target-release=NAME`,
  );
}
