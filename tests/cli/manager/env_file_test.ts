import { assertEquals, assertThrows } from "@std/assert";
import { PiriError } from "../../../lib/base/errors.ts";
import { parseEnvFile } from "../../../lib/cli/manager/env_file.ts";

const good: [string, string, Record<string, string>][] = [
  ["lines NAME=VALUE", "A=1\nB=two words\n", { A: "1", B: "two words" }],
  ["line ends of Windows and a mark at the beginning", "\ufeffA=1\r\nB=2\r\n", {
    A: "1",
    B: "2",
  }],
  ["no line end at the end", "A=1", { A: "1" }],
  ["comments and empty lines", "# A=1\n\n  # B=2\n \t\nC=3\n", { C: "3" }],
  ["a value with equals signs and number signs", "A=x=y # z\n", {
    A: "x=y # z",
  }],
  ["an empty value", "A=\n", { A: "" }],
  ["quotes round a whole value", `A="x y"\nB='x "y'\nC=""\n`, {
    A: "x y",
    B: 'x "y',
    C: "",
  }],
  ["quotes within a value", `A=it's "so"\n`, { A: `it's "so"` }],
  ["spaces within quotes", "A=' x '\n", { A: " x " }],
  ["export before a name", "export A=1\nexported=2\n", {
    A: "1",
    exported: "2",
  }],
  ["what a shell would evaluate", 'A=$HOME `id` \\n ${B:-1} ~\nB="$(id)"\n', {
    A: "$HOME `id` \\n ${B:-1} ~",
    B: "$(id)",
  }],
  ["the later one of two lines for a name", "A=1\nA=2\n", { A: "2" }],
  ["names with dots and dashes", "a.b-c=1\n", { "a.b-c": "1" }],
  [
    "the name of a property of objects",
    "__proto__=1\n",
    Object.fromEntries([["__proto__", "1"]]),
  ],
];

for (const [what, text, variables] of good) {
  Deno.test(`parseEnvFile() reads ${what}`, () => {
    assertEquals(
      Object.entries(parseEnvFile(text, ".env")),
      Object.entries(variables),
    );
  });
}

const bad: [string, string, string][] = [
  [
    "a line without an equals sign",
    "A=1\nsecret\n",
    'line 2: it has no "=", and should be NAME=VALUE',
  ],
  [
    "a line without a name",
    "=secret\n",
    'line 1: before "=" there is no name of a variable',
  ],
  [
    "a space in a name",
    "A =secret\n",
    'line 1: before "=" there is no name of a variable',
  ],
  [
    "a quote that is not closed",
    '\n\nA="secret\n',
    'line 3: its value begins with " and does not end with it',
  ],
  [
    "a single quote",
    "A='\n",
    "line 1: its value begins with ' and does not end with it",
  ],
  [
    "text after a closed quote",
    "A='secret' x\n",
    "line 1: its value begins with ' and does not end with it",
  ],
  ["a NUL character", "A=secret\0\n", "line 1: its value has a NUL character"],
];

for (const [what, text, reason] of bad) {
  Deno.test(`parseEnvFile() refuses ${what}, and does not show the value`, () => {
    const error = assertThrows(() => parseEnvFile(text, ".env"), PiriError);
    assertEquals(error.message, `Cannot read ".env": ${reason}`);
    assertEquals(error.code, "INVALID_ARGUMENT");
  });
}
