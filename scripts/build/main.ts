import { PiriError } from "../../lib/base/errors.ts";

/** Runs a script; what it cannot do is a line on stderr and exit code 1, without a stack. */
export async function main(script: () => Promise<void>): Promise<void> {
  try {
    await script();
  } catch (error) {
    if (!(error instanceof PiriError)) throw error;
    say(`error: ${error.message}`);
    Deno.exitCode = 1;
  }
}

/** Writes a line for people. */
export function say(line: string): void {
  // deno-lint-ignore no-console
  console.error(line);
}
