import { PiriError } from "../../lib/base/errors.ts";

/** Runs a script. An error becomes one line on stderr without a stack, and exit code 1, or 2 for wrong arguments. */
export async function main(script: () => Promise<void>): Promise<void> {
  try {
    await script();
  } catch (error) {
    if (!(error instanceof PiriError)) throw error;
    say(`error: ${error.message}`);
    Deno.exitCode = error.code === "INVALID_ARGUMENT" ? 2 : 1;
  }
}

/** Prints a line for people. */
export function say(line: string): void {
  // deno-lint-ignore no-console
  console.error(line);
}
