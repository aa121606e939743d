import { assert, assertEquals, assertLess } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { createHash } from "node:crypto";
import { PiriError } from "../../../lib/base/errors.ts";
import { COLOURS, finish, ONE, startRun, TERMINAL, TWO } from "./live_run.ts";
import { lineOf } from "./print_long_lines.ts";

const MEBIBYTE = 1_048_576;

Deno.test("a long line waits for its end on disk, and comes whole, in a file and on a terminal", async () => {
  for (const surroundings of [{}, TERMINAL]) {
    const run = await startRun([ONE, TWO], surroundings);
    run.print(ONE, "x".repeat(MEBIBYTE));
    await run.pass(0);
    const files = [run.terminal.scratches.size];
    run.print(ONE, "y");
    run.print(TWO, "other\n");
    run.print(ONE, "z".repeat(200_000));
    await run.pass(0);
    files.push(run.terminal.scratches.size);
    const between = run.terminal.stdout.text;
    run.print(ONE, "end\nnext\n");
    await finish(run);

    assertEquals(files, [0, 1]);
    assertEquals(between, "web-2: other\n");
    assertEquals(
      run.terminal.stdout.text,
      "web-2: other\n" +
        `web-1: ${"x".repeat(MEBIBYTE)}y${"z".repeat(200_000)}end\n` +
        "web-1: next\n",
    );
    assertEquals(run.terminal.scratches.size, 0);
  }
});

Deno.test("the end of a long line is shown on a terminal while it waits", async () => {
  const run = await startRun([ONE], { ...TERMINAL, size: { columns: 20 } });
  run.print(ONE, `${"x".repeat(2 * MEBIBYTE)}0123456789`);
  await run.pass(200);
  const row = await run.screen.rows();
  await finish(run);

  assertEquals(row, ["web-1: …x0123456789"]);
});

Deno.test("a long line that is replaced leaves nothing behind", async () => {
  const run = await startRun([ONE, TWO], TERMINAL);
  run.print(ONE, "x".repeat(2 * MEBIBYTE));
  await run.pass(0);
  const before = run.terminal.scratches.size;
  run.print(ONE, "\rshort\n");
  await finish(run);

  assertEquals([before, run.terminal.scratches.size], [1, 0]);
  assertEquals(run.terminal.stdout.text, "web-1: short\n");
});

Deno.test("a long line keeps its colours to itself", async () => {
  const run = await startRun([ONE, TWO], COLOURS);
  run.print(ONE, `\x1b[31m${"x".repeat(2 * MEBIBYTE)}`);
  run.print(TWO, "other\n");
  run.print(ONE, "\n");
  await finish(run);

  assertEquals(
    run.terminal.stdout.text,
    "\x1b[32mweb-2:\x1b[0m other\n" +
      `\x1b[36mweb-1:\x1b[0m \x1b[31m${"x".repeat(2 * MEBIBYTE)}\x1b[0m\n`,
  );
});

Deno.test("a long line that the disk does not take is split, and says so", async () => {
  const run = await startRun([ONE, TWO]);
  run.terminal.diskError = new PiriError("DISK", "Cannot keep it: it is full");
  run.print(ONE, "x".repeat(MEBIBYTE));
  run.print(ONE, "y");
  run.print(ONE, "z\n");
  await finish(run);

  assertEquals(
    run.terminal.stdout.text,
    `web-1: ${"x".repeat(MEBIBYTE)}y\n` +
      "web-1: [the line goes on below] Cannot keep it: it is full\n" +
      "web-1: z\n",
  );
});

Deno.test("a line of 60 MB from each of two agents comes whole in bounded memory", async () => {
  const program = fromFileUrl(
    new URL("./print_long_lines.ts", import.meta.url),
  );
  await using child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--quiet", "--v8-flags=--expose-gc", program],
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const printed = await digest(child.stdout);
  const grown = Number(await new Response(child.stderr).text());

  const expected = createHash("sha256");
  for (const [agent, name] of ["web-1", "web-2"].entries()) {
    expected.update(`${name}: `);
    for (const piece of lineOf(agent)) expected.update(piece);
    expected.update("\n");
  }
  assertEquals(printed, expected.digest("hex"));
  // Both lines together are 120 MB; some 50 MB were measured.
  assertLess(grown, 90 * MEBIBYTE);
  assert(grown > 0);
});

async function digest(bytes: ReadableStream<Uint8Array>): Promise<string> {
  const hash = createHash("sha256");
  for await (const piece of bytes) hash.update(piece);
  return hash.digest("hex");
}
