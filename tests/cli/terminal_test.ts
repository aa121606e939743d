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

Deno.test(
  "a closed output is seen without a write, where the system tells",
  { ignore: Deno.build.os === "windows" },
  async () => {
    await using child = lookAtOutput(["--allow-ffi"]);
    const before = await child.look();
    await child.close();
    const after = await child.look();

    assertEquals([before, after], ["open", "closed"]);
  },
);

Deno.test("a program that may load no libraries takes its output for open until it writes", async () => {
  await using child = lookAtOutput([]);
  await child.close();

  assertEquals(await child.look(), "open");
});

Deno.test(
  "a file and a device are no closed output",
  { ignore: Deno.build.os === "windows" },
  async () => {
    const file = await Deno.makeTempFile();
    const seen: string[] = [];
    for (const path of [file, "/dev/null"]) {
      const { stderr } = await new Deno.Command("/bin/sh", {
        args: [
          "-c",
          'echo | "$0" run --quiet --allow-ffi "$1" > "$2"',
          Deno.execPath(),
          LOOK_AT_OUTPUT,
          path,
        ],
      }).output();
      seen.push(new TextDecoder().decode(stderr));
    }
    await Deno.remove(file);

    assertEquals(seen, ["open", "open"]);
  },
);

const LOOK_AT_OUTPUT = fromFileUrl(
  new URL("./look_at_output.ts", import.meta.url),
);

/** Starts a program that looks at its standard output. */
function lookAtOutput(flags: readonly string[]) {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", ...flags, LOOK_AT_OUTPUT],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const input = child.stdin.getWriter();
  const answers = child.stderr.pipeThrough(new TextDecoderStream())
    .getReader();
  return {
    async look(): Promise<string | undefined> {
      await input.write(new TextEncoder().encode("\n"));
      return (await answers.read()).value;
    },
    close: () => child.stdout.cancel(),
    async [Symbol.asyncDispose]() {
      await input.close();
      await answers.cancel();
      await child.status;
      await child.stdout.cancel().catch(() => {});
    },
  };
}

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
