import { PiriError } from "../base/errors.ts";
import { didYouMean } from "../base/nearest.ts";
import { HintedError } from "./errors.ts";
import type { OperatorConfig } from "./operator_config.ts";

/** Named target expressions of a user, and the file that they are in. */
export type NamedTargets = Pick<OperatorConfig, "path" | "targets">;

/** Quoted text, which stays as it is, or a name at the beginning of an item. */
const NAMES = /"[^"]*"|'[^']*'|(?<=^|[\s,&|!(])%([A-Za-z0-9_.-]+)/g;

/** True if an expression may have a name in it. */
export function mayHaveName(text: string): boolean {
  return text.includes("%");
}

/**
 * Puts the expressions of a user's settings in the place of their names, as %web-prod.
 *
 * @throws {PiriError} NOT_FOUND for an unknown name; INVALID_ARGUMENT for names that mean each other
 */
export function expandNamedTargets(
  texts: readonly string[],
  config: NamedTargets | undefined,
): string[] {
  return texts.map((text) => expand(text, config, []));
}

function expand(
  text: string,
  config: NamedTargets | undefined,
  within: readonly string[],
): string {
  return text.replace(NAMES, (word, name: string | undefined) => {
    if (name === undefined) return word;
    if (within.includes(name)) {
      throw new PiriError(
        "INVALID_ARGUMENT",
        `Cannot read "${config?.path}": the targets ${
          [...within, name].map((each) => `%${each}`).join(" > ")
        } mean each other`,
      );
    }
    const targets = config?.targets ?? {};
    if (!Object.hasOwn(targets, name)) throw unknown(name, config);
    return `(${expand(targets[name] ?? "", config, [...within, name])})`;
  });
}

function unknown(name: string, config: NamedTargets | undefined): PiriError {
  const attempt = `Cannot find the targets "%${name}"`;
  if (config === undefined) {
    return new HintedError(
      "NOT_FOUND",
      `${attempt}: there is no file with names for target expressions`,
      "put it into ~/.config/piri/config.yaml, as targets: " +
        `{${name}: "@web & env=prod"}`,
    );
  }
  const known = Object.keys(config.targets);
  return new HintedError(
    "NOT_FOUND",
    `${attempt}: there is no such name in "${config.path}"`,
    didYouMean(
      name,
      known,
      known.length === 0 ? "it has no targets" : `it has ${known.join(", ")}`,
    ),
  );
}
