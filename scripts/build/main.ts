import { PiriError } from "../../lib/base/errors.ts";

/**
 * Runs a script; what it cannot do is a line on stderr, without a stack, and exit code 1, or 2 if it was asked for
 * wrongly.
 */
export async function main(script: () => Promise<void>): Promise<void> {
  try {
    await script();
  } catch (error) {
    if (!(error instanceof PiriError)) throw error;
    say(`error: ${error.message}`);
    Deno.exitCode = error.code === "INVALID_ARGUMENT" ? 2 : 1;
  }
}

/** Writes a line for people. */
export function say(line: string): void {
  // deno-lint-ignore no-console
  console.error(line);
}
