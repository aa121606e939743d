/** Longest time of the tests of one file, in milliseconds. */
const MAX_FILE_MS = 180_000;

/** End of a test: `broken` if it did not come to its assertions, or never ended. */
export interface TestEnd {
  readonly kind: "passed" | "failed" | "broken";
  /** Output of its file, without colours. */
  readonly output: string;
}

/** Runs some tests of one file in a folder with sources, and returns their ends in the same order. */
export async function runNamed(
  dir: string,
  { file, names }: { readonly file: string; readonly names: readonly string[] },
): Promise<TestEnd[]> {
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      ..."test -A --no-check --cached-only".split(" "),
      ...["--filter", `/^(?:${names.map(escaped).join("|")})$/`, file],
    ],
    cwd: dir,
    env: { NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1" },
    stdout: "piped",
    stderr: "piped",
    signal: AbortSignal.timeout(MAX_FILE_MS),
  });
  const { stdout, stderr, signal } = await child.output();
  const decoder = new TextDecoder();
  const output = decoder.decode(stdout) + decoder.decode(stderr);
  return names.map((name) => ({
    kind: signal === null ? kindOf(output, name) : "broken",
    output,
  }));
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
