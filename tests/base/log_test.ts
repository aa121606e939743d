import { assertEquals, assertMatch } from "@std/assert";
import { TempFolder } from "../support/temp_folder.ts";

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
    assertMatch(await logOf(how), /one\n.*59\n.*Agent.*\n.*two\n.*three\n/);
  });
}

for (const how of ["returns", "exits", "throws", "rejects"]) {
  Deno.test(`a file has the records of a program that ${how}, and those of its earlier runs`, async () => {
    await using folder = await TempFolder.make();
    const path = folder.at("log/program.log");
    await logOf(how, "text", path);
    const seen = await logOf(how, "text", path);

    assertEquals(seen.includes("one"), false);
    assertMatch(
      await Deno.readTextFile(path),
      /^(\S+ .*one\n.*Command 59\n.*Agent.*\n.*two\n.*three\n){2}$/,
    );
  });
}

Deno.test("a large file is followed by a new one", async () => {
  await using folder = await TempFolder.make();
  const path = await folder.write("program.log", "x".repeat(5 * 1024 * 1024));
  await logOf("returns", "text", path);

  assertMatch(await Deno.readTextFile(path), /^\S+ .*one\n/);
  const { size } = await Deno.stat(`${path}.1`);
  assertEquals(size, 5 * 1024 * 1024);
});

Deno.test("an id is logged as a plain number, in both formats", async () => {
  assertMatch(await logOf("returns"), /Command 59\n/);
  const [, line = ""] = (await logOf("returns", "json")).split("\n");
  assertEquals(JSON.parse(line).properties.id, "59");
});

Deno.test("the message of a JSON record is that of a text record", async () => {
  const [, , line = ""] = (await logOf("returns", "json")).split("\n");
  const { message, properties } = JSON.parse(line);
  assertEquals(message, "Agent web-1 is 2 of [ 1, 2 ]");
  assertEquals(properties, { name: "web-1", count: 2, all: [1, 2] });
});
