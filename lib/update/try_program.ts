import type { Ran } from "../service/host_system.ts";

/** Says why a program does not start as this version; undefined if it does. */
export async function whyNotVersion(
  program: string,
  version: string,
  run: (program: string, ...args: readonly string[]) => Promise<Ran>,
): Promise<string | undefined> {
  const told = await run(program, "--version");
  if (told.code !== 0) return `it does not start, ${endOf(told)}`;
  const says = /\b\d+\.\d+\.\d+(?:-[0-9A-Za-z.-]+)?/.exec(told.stdout)?.[0];
  return says === version
    ? undefined
    : `it says that it is version ${says ?? "unknown"}`;
}

/** End of a program in words: its exit code, and its words about a failure. */
export function endOf({ code, stdout, stderr }: Ran): string {
  const lines = `${stdout}\n${stderr}`.split("\n")
    .map((line) => line.trim()).filter((line) => line !== "");
  const words = lines.find((line) => line.startsWith("FAILED")) ?? lines.at(-1);
  return `exit code ${code}${words === undefined ? "" : `: ${words}`}`;
}
