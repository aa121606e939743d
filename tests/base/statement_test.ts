import { assertEquals } from "@std/assert";
import { canonicalJson, statementOf } from "../../lib/base/statement.ts";

const CASES:
  readonly (readonly [what: string, value: unknown, text: string])[] = [
    // RFC 8785, section 3.2.3.
    [
      "keys by their code units",
      {
        "\u20ac": "Euro Sign",
        "\r": "Carriage Return",
        "\ufb33": "Hebrew Letter Dalet With Dagesh",
        "1": "One",
        "\ud83d\ude00": "Emoji: Grinning Face",
        "\u0080": "Control",
        "\u00f6": "Latin Small Letter O With Diaeresis",
      },
      '{"\\r":"Carriage Return","1":"One","\u0080":"Control","ö":"Latin Small Letter O With Diaeresis","€":"Euro Sign","😀":"Emoji: Grinning Face","\ufb33":"Hebrew Letter Dalet With Dagesh"}',
    ],
    ["keys that look like numbers", { 9: 1, 10: 2 }, '{"10":2,"9":1}'],
    [
      "numbers",
      [333333333.33333329, 1e30, 4.50, 2e-3, 1e-27, -0],
      "[333333333.3333333,1e+30,4.5,0.002,1e-27,0]",
    ],
    ["undefined fields", { a: undefined, b: null }, '{"b":null}'],
    [
      "nested values",
      { b: [{ d: 1, c: 2 }], a: {} },
      '{"a":{},"b":[{"c":2,"d":1}]}',
    ],
  ];

for (const [what, value, text] of CASES) {
  Deno.test(`canonical JSON has one form for ${what}`, () => {
    assertEquals(canonicalJson(value), text);
  });
}

Deno.test("the statement of some work does not depend on the order of what it names", () => {
  const work = { operation: "echo.Echo", limits: { timeoutMs: 5 } };
  const one = statementOf({
    ...work,
    names: ["web-2", "web-1"],
    secrets: ["b", "a"],
    params: '{ "y": 1, "x": 2 }',
  });
  const other = statementOf({
    ...work,
    names: ["web-1", "web-2"],
    secrets: ["a", "b"],
    params: '{"x":2,"y":1}',
  });
  assertEquals(canonicalJson(one), canonicalJson(other));
});
