import type { NamedTest } from "./threat.ts";

/** Longest time of one test, in milliseconds. */
const MAX_TEST_MS = 90_000;

/** End of a test: `broken` if it did not come to its assertions, or never ended. */
export interface TestEnd {
  readonly kind: "passed" | "failed" | "broken";
  /** Output, without colours. */
  readonly output: string;
}

/** Runs one test in a folder with sources. */
export async function runNamed(
  dir: string,
  { file, name }: NamedTest,
): Promise<TestEnd> {
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      ..."test -A --no-check --cached-only".split(" "),
      ...["--filter", `/^${escaped(name)}$/`, file],
    ],
    cwd: dir,
    env: { NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1" },
    stdout: "piped",
    stderr: "piped",
    signal: AbortSignal.timeout(MAX_TEST_MS),
  });
  const { stdout, stderr, signal } = await child.output();
  const decoder = new TextDecoder();
  const output = decoder.decode(stdout) + decoder.decode(stderr);
  return { kind: signal === null ? kindOf(output, name) : "broken", output };
}

/** End of a test by what `deno test` printed. */
export function kindOf(output: string, name: string): TestEnd["kind"] {
  const begin = `${name} ... `;
  const ends = output.split("\n").filter((line) => line.startsWith(begin));
  const isMistaken =
    /^error: (?:Uncaught )?(?:\(in promise\) )?(?:Type|Reference|Syntax)Error/m
      .test(output);
  if (isMistaken) return "broken";
  const isEnded = (word: string) =>
    ends.some((line) => line.startsWith(begin + word)) ||
    output.includes(`----- output end -----\n${begin}${word}`);
  if (isEnded("FAILED")) return "failed";
  return isEnded("ok") ? "passed" : "broken";
}

function escaped(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\/]/g, "\\$&");
}
