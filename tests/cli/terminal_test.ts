import { assertEquals, assertRejects } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { PiriError } from "../../lib/base/errors.ts";
import { systemTerminal } from "../../lib/cli/terminal.ts";

/** Starts the program that prints this number of lines. */
function printMuch(lines: number): Deno.ChildProcess {
  const program = fromFileUrl(new URL("./print_much.ts", import.meta.url));
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", program, String(lines)],
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

Deno.test("writes that nobody waits for arrive whole and in order", async () => {
  const { stdout, stderr } = await printMuch(20_000).output();

  const lines = new TextDecoder().decode(stdout).trimEnd().split("\n");
  assertEquals(lines.length, 20_000);
  assertEquals(lines.findIndex((line, index) => line !== String(index)), -1);
  assertEquals(new TextDecoder().decode(stderr), "all was read");
});

Deno.test("a write whose reader has gone rejects with NobodyReads", async () => {
  await using child = printMuch(20_000);
  await child.stdout.cancel();

  assertEquals(await new Response(child.stderr).text(), "nobody reads");
});

Deno.test("readFile() of a missing file rejects with NOT_FOUND", async () => {
  const error = await assertRejects(
    () => systemTerminal().readFile("/nowhere/at/all"),
    PiriError,
    'Cannot read "/nowhere/at/all": there is no such file',
  );

  assertEquals(error.code, "NOT_FOUND");
});

Deno.test(
  "a full device is told from a reader that has gone, and a full stderr stops nothing",
  {
    ignore: Deno.build.os !== "linux",
  },
  async () => {
    const program = fromFileUrl(new URL("./print_much.ts", import.meta.url));
    const run = (line: string) =>
      new Deno.Command("/bin/sh", {
        args: [
          "-c",
          line,
          "sh",
          Deno.execPath(),
          "run",
          "--quiet",
          program,
          "2",
        ],
      }).output();
    const full = await run('"$@" > /dev/full');
    const deaf = await run('"$@" 2> /dev/full');
    const closed = await run('"$@" 2>&-');

    const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
    assertEquals(
      text(full.stderr),
      "Cannot write to standard output: no space is left on its device",
    );
    assertEquals([deaf.code, text(deaf.stdout)], [0, "0\n1\n"]);
    assertEquals([closed.code, text(closed.stdout)], [0, "0\n1\n"]);
  },
);
