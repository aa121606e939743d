import { assertEquals, assertMatch } from "@std/assert";

const PROGRAM = new URL("log_program.ts", import.meta.url);

/** The log of the program. */
async function logOf(...args: string[]): Promise<string> {
  const { stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", PROGRAM.href, ...args],
  }).output();
  return new TextDecoder().decode(stderr);
}

for (const how of ["returns", "exits", "throws", "rejects"]) {
  Deno.test(`records logged just before a program ${how} are written, in order`, async () => {
    assertMatch(await logOf(how), /one\n.*\n.*two\n.*three\n/);
  });
}

Deno.test("an id is logged as a plain number, in both formats", async () => {
  assertMatch(await logOf("returns"), /Command 59\n/);
  const [, line = ""] = (await logOf("returns", "json")).split("\n");
  assertEquals(JSON.parse(line).properties.id, "59");
});
