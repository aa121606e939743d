import { assertEquals, assertMatch } from "@std/assert";
import { shorten } from "../../scripts/build/shorten.ts";
import { TempFolder } from "../support/temp_folder.ts";

const PROGRAM = `/*! Licence of a package */
// Comment of ours.
class Reader {
  /** Reads. */
  #openFile() {
    throw new Error("cannot   read");
  }
  read() {
    this.#openFile();
  }
}
const readAll = () => {
  new Reader().read();
};
try {
  readAll();
} catch (error) {
  console.log(error.stack);
}
`;

Deno.test("a shortened program tells its stack by the names of its functions, and keeps licences", async () => {
  await using folder = await TempFolder.make();
  await folder.write("main.js", PROGRAM);
  const time = new Date(86_400_000);

  await shorten(folder.path, time);

  const text = await Deno.readTextFile(folder.at("main.js"));
  assertEquals(text.includes("Licence of a package"), true);
  assertEquals(text.includes("Comment of ours"), false);
  assertEquals(text.length < PROGRAM.length, true);
  const { mtime } = await Deno.stat(folder.at("main.js"));
  assertEquals(mtime, time);

  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-config", folder.at("main.js")],
  }).output();
  assertMatch(
    new TextDecoder().decode(stdout),
    /^Error: cannot {3}read\n.*#openFile.*\n.*Reader\.read.*\n.*readAll/,
  );
});

Deno.test("long programs are shortened to lines that an editor can show", async () => {
  await using folder = await TempFolder.make();
  const calls = Array.from(
    { length: 500 },
    (_, index) => `console.log("call ${index}");\n`,
  );
  await folder.write("main.js", calls.join(""));

  await shorten(folder.path, new Date(0));

  const lines = (await Deno.readTextFile(folder.at("main.js"))).split("\n");
  assertEquals(lines.length > 10, true);
  assertEquals(lines.filter((line) => line.length > 300), []);
});

Deno.test("texts of a shortened program are ASCII, which the runtime need not copy, and mean the same", async () => {
  await using folder = await TempFolder.make();
  await folder.write(
    "main.js",
    'const name = "𝒳"; console.log(`é ${name} …`);',
  );

  await shorten(folder.path, new Date(0));

  const text = await Deno.readTextFile(folder.at("main.js"));
  assertMatch(text, /^[\n\x20-\x7e]+$/);
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-config", folder.at("main.js")],
  }).output();
  assertEquals(new TextDecoder().decode(stdout), "é 𝒳 …\n");
});
