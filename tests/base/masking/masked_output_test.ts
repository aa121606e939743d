import { assertEquals } from "@std/assert";
import { Sealed } from "../../../lib/base/sealed.ts";
import {
  HOLD_MS,
  MaskedOutput,
  type StreamName,
} from "../../../lib/base/masking/masked_output.ts";
import { FakeClock } from "../../support/fake_clock.ts";

function newOutput(...secrets: string[]) {
  const clock = new FakeClock();
  const pieces: string[] = [];
  const sizes: number[] = [];
  const output = new MaskedOutput(clock, (stream, bytes) => {
    pieces.push(`${stream}: ${new TextDecoder().decode(bytes)}`);
    sizes.push(bytes.length);
    return Promise.resolve();
  });
  for (const secret of secrets) output.add(new Sealed(secret));
  const write = (text: string, stream: StreamName = "stdout") =>
    output.write(stream, new TextEncoder().encode(text));
  return { clock, output, pieces, sizes, write };
}

Deno.test("output of a command without secrets goes on as it is", async () => {
  const { output, pieces, write } = newOutput();
  await write("hunter22");
  await output.end();
  assertEquals(pieces, ["stdout: hunter22"]);
  assertEquals([output.count, output.text("hunter22")], [0, "hunter22"]);
});

Deno.test("a secret that comes in pieces is masked, in each stream by itself", async () => {
  const { output, pieces, write } = newOutput("hunter22");
  await write("a hun");
  await write("err hunt", "stderr");
  await write("ter22 b");
  await write("er22", "stderr");
  await output.end();
  assertEquals(pieces, [
    "stdout: a ",
    "stderr: err ",
    "stdout: *** b",
    "stderr: ***",
  ]);
  assertEquals(output.count, 2);
});

Deno.test("bytes that may begin a secret wait for 2 s at most", async () => {
  const { clock, output, pieces, write } = newOutput("hunter22");
  await write("who are you? hunt");
  await clock.advance(HOLD_MS - 1);
  assertEquals(pieces, ["stdout: who are you? "]);
  await clock.advance(1);
  assertEquals(pieces.at(-1), "stdout: hunt");
  await write("hunter22");
  await output.end();
  assertEquals(pieces.at(-1), "stdout: ***");
});

Deno.test("output that arrives meanwhile begins the 2 s anew", async () => {
  const { clock, pieces, write } = newOutput("hunter22");
  await write("hun");
  await clock.advance(HOLD_MS - 1);
  await write("t");
  await clock.advance(HOLD_MS - 1);
  assertEquals(pieces, []);
  await clock.advance(1);
  assertEquals(pieces, ["stdout: hunt"]);
});

Deno.test("a secret that is asked for later is masked from then on", async () => {
  const { output, pieces, write } = newOutput("hunter22");
  await write("hunter22 letmein1 ");
  output.add(new Sealed("letmein1"));
  await write("hunter22 letmein1 ");
  await output.end();
  assertEquals(pieces, ["stdout: *** letmein1 ", "stdout: *** *** "]);
  assertEquals(output.count, 3);
});

Deno.test("messages and data of the outcome are masked and counted", () => {
  const { output } = newOutput("hunter22");
  assertEquals(output.text("no hunter22, no aHVudGVyMjI="), "no ***, no ***");
  assertEquals(
    output.value({ hunter22: [1, null, true, "x hunter22"], n: 2 }),
    { "***": [1, null, true, "x ***"], n: 2 },
  );
  assertEquals(output.count, 4);
});

Deno.test("no piece is larger than a piece may be, whatever was held back", async () => {
  const { sizes, write } = newOutput(`begin-${"x".repeat(20_000)}`);
  await write(`begin-${"x".repeat(19_000)}`);
  await write("y".repeat(65_000));
  assertEquals(sizes, [65_440, 18_566]);
});
