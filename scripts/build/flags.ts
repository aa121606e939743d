import {
  parseArgs,
  type ParseArgsConfig,
  type ParseArgsOptionsConfig,
} from "node:util";
import { messageOf, PiriError } from "../../lib/base/errors.ts";
import { say } from "./main.ts";

/**
 * Reads the flags of a script. `--help` prints the usage and ends the script.
 *
 * @throws {PiriError} INVALID_ARGUMENT for an unknown flag, or one without its value
 */
export function readFlags<const T extends ParseArgsOptionsConfig>(
  usage: string,
  options: T,
): ReturnType<typeof parseArgs<{ options: T }>>["values"] {
  if (Deno.args.includes("--help")) {
    say(usage);
    Deno.exit(0);
  }
  return parseFlags({ args: Deno.args, options }, `\n${usage}`).values;
}

/**
 * Does the same as `parseArgs`. An error ends with the hint, if there is one.
 *
 * @throws {PiriError} INVALID_ARGUMENT
 */
export function parseFlags<const T extends ParseArgsConfig>(
  config: T,
  hint = "",
): ReturnType<typeof parseArgs<T>> {
  try {
    return parseArgs(config);
  } catch (error) {
    throw new PiriError(
      "INVALID_ARGUMENT",
      `Cannot read the arguments: ${messageOf(error)}${hint}`,
      { cause: error },
    );
  }
}

/**
 * Reads the number of a flag.
 *
 * @throws {PiriError} INVALID_ARGUMENT if it is no whole number, or less than `least`
 */
export function wholeNumber(name: string, text: string, least = 0): number {
  const number = Number(text);
  if (text !== "" && Number.isSafeInteger(number) && number >= least) {
    return number;
  }
  throw new PiriError(
    "INVALID_ARGUMENT",
    `Cannot use "--${name} ${text}": it takes a whole number from ${least}`,
  );
}

/**
 * Reads a flag that has one of a few values.
 *
 * @throws {PiriError} INVALID_ARGUMENT if it is none of them
 */
export function oneOf<T extends string>(
  name: string,
  text: string,
  known: readonly T[],
): T {
  const found = known.find((each) => each === text);
  if (found !== undefined) return found;
  throw new PiriError(
    "INVALID_ARGUMENT",
    `Cannot use "--${name} ${text}": it takes one of ${known.join(", ")}`,
  );
}
