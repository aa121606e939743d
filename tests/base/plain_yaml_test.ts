import { assert, assertEquals } from "@std/assert";
import { readPlainYaml } from "../../lib/base/plain_yaml.ts";
import { parseYaml } from "../../lib/base/yaml.ts";
import { Seeded } from "../wire/fuzz/seeded.ts";

/** Settings as `piri-agent join` writes them, with additions that people may make. */
const WRITTEN = `\
# The configuration of this agent: "quotes", ümläute, and more.

name: "web-1"
addresses:
  - 127.0.0.1:7051
  # the other one
  - mgr.example.org:7051
  - "[::1]:7051"
serverName: bf2d9aa2547067d8.piri.internal
caPem: |
  -----BEGIN CERTIFICATE-----
  MIIBmjCCAUCgAwIBAgIQdN7ykbwoarz6MtsKLd3RsTAKBggqhkjOPQQDAjAbMRkw
  # all of this is text: 'as' "it" is
  -----END CERTIFICATE-----
secret: fkS891qq8JMeVvawtMjY0Yi1WyyyAt0GHhySMs1yHlA
allowTestOperations: false
log:
  level: info
  format: text
`;

/** Value that the YAML library reads from a text, or "not YAML". */
function yamlOf(text: string): unknown {
  try {
    return parseYaml(text, "x.yaml", "CORRUPT").value;
  } catch {
    return "not YAML";
  }
}

Deno.test("settings as Piri writes them are read as by the YAML library", () => {
  const settings = readPlainYaml(WRITTEN);

  assert(settings !== undefined);
  assertEquals<unknown>(settings, yamlOf(WRITTEN));
  assertEquals(settings["addresses"], [
    "127.0.0.1:7051",
    "mgr.example.org:7051",
    "[::1]:7051",
  ]);
  assertEquals(settings["allowTestOperations"], false);
});

Deno.test("text that is not plain is left to the YAML library", () => {
  for (
    const text of [
      "",
      "# a comment\n",
      "name: a",
      "name:\n",
      "name: 'a'\n",
      "name: a # a comment\n",
      "name: two words\n",
      "name: 5\n",
      "name: 1.5e3\n",
      "name: 0x1F\n",
      "name: Null\n",
      "name: TRUE\n",
      "name: ~\n",
      "name: -a\n",
      "name: &a b\n",
      "name: *a\n",
      'name: "\\u0041"\n',
      "name: a\nname: b\n",
      "name: a\r\n",
      "name: {}\n",
      "name: [a]\n",
      "name: >\n  a\n",
      "name: |-\n  a\n",
      "name: |\n",
      "name: |\n   a\n",
      "name: |\n  a\n\n  b\n",
      "name: |\n  a\n\n  # b\n",
      "name: |\n  a\n  # b\u00fc\n",
      "names:\n- a\n",
      "names:\n  - a\n  b: c\n",
      "names:\n  - a: b\n",
      "names:\n  - 5\n",
      "deep:\n  deeper:\n    deepest: a\n",
      "map:\n  a: b\n  a: c\n",
      "--- \nname: a\n",
      "<<: a\n",
      "\ufeffname: a\n",
      "name: a:\n",
    ]
  ) {
    assertEquals(readPlainYaml(text), undefined, JSON.stringify(text));
  }
});

Deno.test("settings with random changes are read as by the YAML library, or not at all", () => {
  const random = new Seeded(7);
  const pieces = [
    ..." \n\t#:-|>\"'\\&*!%@`{}[],?~0159eExo.+aN_<\r\u0085\u2028\ufeff",
    ...["\n  ", "\n\n", ": ", " #", "- ", "null", "true", "|\n", "---\n"],
  ];
  const lines = WRITTEN.split("\n");
  let plain = 0;
  for (let round = 0; round < 3_000; round++) {
    // Short texts are as good, and faster.
    const from = random.below(lines.length);
    let text = lines.slice(from, from + 1 + random.below(6)).join("\n") + "\n";
    for (let count = random.below(3); count > 0; count--) {
      const at = random.below(text.length + 1);
      const end = at + random.pick([0, 0, 1, 2, 10]);
      text = text.slice(0, at) + random.pick([...pieces, ""]) + text.slice(end);
    }
    const settings = readPlainYaml(text);
    if (settings === undefined) continue;
    plain++;
    assertEquals<unknown>(settings, yamlOf(text), JSON.stringify(text));
  }
  assert(plain > 300);
});
