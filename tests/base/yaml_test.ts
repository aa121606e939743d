import { assertEquals, assertThrows } from "@std/assert";
import { PiriError } from "../../lib/base/errors.ts";
import { parseYaml } from "../../lib/base/yaml.ts";

function errorOf(text: string): string {
  return assertThrows(() => parseYaml(text, "x.yaml", "CORRUPT"), PiriError)
    .message;
}

Deno.test("parseYaml tells the line of every entry", () => {
  const yaml = parseYaml(
    "# top\na: 1\nb:\n  c:\n    - 1\n    - 2\n",
    "x",
    "CORRUPT",
  );
  assertEquals(yaml.value, { a: 1, b: { c: [1, 2] } });
  assertEquals(yaml.lineOf(["a"]), 2);
  assertEquals(yaml.lineOf(["b", "c"]), 4);
  assertEquals(yaml.lineOf(["b", "c", 1]), 6);
  assertEquals(yaml.lineOf(["b", "d"]), undefined);
});

Deno.test("parseYaml tells file and line of a mistake, and never quotes the text", () => {
  const message = errorOf("secret: hunter2\nsecret: hunter3\n");
  assertEquals(
    message,
    `Cannot read "x.yaml": line 2: Map keys must be unique`,
  );
});

Deno.test("parseYaml refuses a second document with its line, in words of its own", () => {
  const message =
    'Cannot read "x.yaml": line 3: a second document begins here, and a file has only one';
  assertEquals(errorOf("---\na: 1\n---\nb: 2\n"), message);
  assertEquals(errorOf("a: 1\n\n--- # more\n"), message);
  assertEquals(parseYaml("---\na: 1\n...\n", "x", "CORRUPT").value, { a: 1 });
});

Deno.test("parseYaml refuses circles, unknown aliases and aliases that explode", () => {
  const bomb = ["a: &a [1,1,1,1,1,1,1,1,1]"];
  for (const [here, before] of ["ba", "cb", "dc", "ed"]) {
    bomb.push(`${here}: &${here} [${`*${before},`.repeat(9)}]`);
  }
  for (const text of ["a: &a [*a]", "a: *q", bomb.join("\n")]) {
    assertEquals(errorOf(text).startsWith(`Cannot read "x.yaml": `), true);
  }
});
