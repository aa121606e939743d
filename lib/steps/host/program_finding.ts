import { PiriError } from "../../base/errors.ts";
import type { ProgramFinding, ProgramResult, StepProgram } from "./host.ts";

/** Longest line of a program in an error, in UTF-16 units. */
const MAX_SHOWN = 100;

/**
 * Takes the exit code of a program that looked as its answer. One that was ended has none, whatever its code is: it may
 * have caught the signal.
 *
 * @throws {PiriError} CANCELLED; FAILED_PRECONDITION
 */
export function findingOf(
  { code, signal: by }: ProgramResult,
  program: StepProgram,
  signal: AbortSignal,
): ProgramFinding {
  if (signal.aborted) {
    throw new PiriError(
      "CANCELLED",
      `Cannot tell what ${lineOf(program)} finds: the command was cancelled`,
    );
  }
  if (code !== undefined) return { code };
  throw new PiriError(
    "FAILED_PRECONDITION",
    `Cannot tell what ${lineOf(program)} finds: it ended without an exit code${
      by === undefined ? "" : `, by ${by}`
    }`,
  );
}

function lineOf({ shell, argv = [] }: StepProgram): string {
  const line = shell ?? argv.join(" ");
  return JSON.stringify(
    line.length > MAX_SHOWN
      ? `${line.slice(0, MAX_SHOWN).toWellFormed()}…`
      : line,
  );
}
