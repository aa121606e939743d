import { HintedError } from "../errors.ts";
import type { Output } from "../output.ts";
import { OutputLost } from "../terminal.ts";

/**
 * Prints what nobody can see again.
 *
 * @throws {HintedError} DISK with the way to another one, if it cannot be printed
 */
export async function printOnce(
  output: Output,
  { value, line, what, again }: {
    /** JSON of it. */
    readonly value: Readonly<Record<string, unknown>>;
    readonly line: string;
    /** Words for people, as "the join token 3". */
    readonly what: string;
    /** Command line that makes another one. */
    readonly again: string;
  },
): Promise<void> {
  try {
    await output.either(value, line);
  } catch (error) {
    if (!(error instanceof OutputLost)) throw error;
    throw new HintedError(
      "DISK",
      `Cannot print ${what}: ${error.fact}`,
      again,
      {
        cause: error,
      },
    );
  }
}
