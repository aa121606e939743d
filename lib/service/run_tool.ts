import { PiriError } from "../base/errors.ts";
import type { HostSystem, Ran } from "./host_system.ts";

/**
 * Runs a program of the service manager that has to succeed, and returns what it printed.
 *
 * @throws {PiriError} UNAVAILABLE with the line that failed and its reason
 */
export async function runTool(
  { run }: Pick<HostSystem, "run">,
  words: readonly [string, ...string[]],
  hint = "",
): Promise<string> {
  const ran = await run(...words);
  if (ran.code === 0) return ran.stdout;
  throw new PiriError(
    "UNAVAILABLE",
    `Cannot run "${words.join(" ")}": ${reasonOf(ran)}${hint && `; ${hint}`}`,
  );
}

function reasonOf({ code, stdout, stderr }: Ran): string {
  if (code === 127 && stderr === "") return "there is no such program";
  const text = (stderr.trim() || stdout.trim()).split("\n").slice(-3)
    .map((line) => line.trim()).join(" ");
  return text === "" ? `it ended with exit code ${code}` : text;
}
