import { assertEquals } from "@std/assert";
import { unicodeColumns } from "../../lib/cli/columns.ts";
import { columnsFor, plainColumns } from "../../lib/cli/plain_columns.ts";
import { bytesText, oneLine, printable } from "../../lib/cli/text.ts";
import { widthOf } from "../../lib/cli/width.ts";

const {
  alignColumns,
  cutToWidth,
  endOfWidth,
  expandTabs,
  fitColumns,
  wrapHanging,
  wrapToWidth,
} = unicodeColumns;

Deno.test("printable() spells out C0, DEL, C1 and characters that reorder text, and keeps the rest", () => {
  assertEquals(
    printable("a\n\tb\x00\x1b\x7f\u0085\u061c\u200f\u2066é名😀"),
    "a\n\tb\\x00\\x1b\\x7f\\u{85}\\u{61c}\\u{200f}\\u{2066}é名😀",
  );
});

Deno.test("oneLine() makes one line of several", () => {
  assertEquals(oneLine(" a \r\n\n  b\tc\n"), "a b c");
});

Deno.test("widthOf() counts columns, not characters", () => {
  assertEquals(
    ["abc", "é", "e\u0301", "名前", "한국", "😀", "ｆ", "…", "\u200b", ""].map(
      widthOf,
    ),
    [3, 1, 1, 4, 4, 2, 2, 1, 0, 0],
  );
});

Deno.test("cutToWidth() never exceeds its columns, nor splits a wide character", () => {
  assertEquals(
    [
      cutToWidth("abc", 3),
      cutToWidth("abcd", 3),
      cutToWidth("名前x", 4),
      cutToWidth("名前", 4),
    ],
    ["abc", "ab…", "名…", "名前"],
  );
});

Deno.test("endOfWidth() keeps the end, and never splits a wide character", () => {
  assertEquals(
    [
      endOfWidth("abc", 3),
      endOfWidth("abcd", 3),
      endOfWidth("x名前", 4),
      endOfWidth("名前", 4),
      endOfWidth("名前", 1),
    ],
    ["abc", "…cd", "…前", "名前", "…"],
  );
});

Deno.test("expandTabs() goes to the next of every eight columns, by width", () => {
  assertEquals(
    ["a\tb", "\t", "名前\tx", "12345678\tx", "a\t\tb"].map(expandTabs),
    [
      "a       b",
      "        ",
      "名前    x",
      "12345678        x",
      "a               b",
    ],
  );
});

Deno.test("alignColumns() lines columns up, without spaces at the ends of lines", () => {
  assertEquals(
    alignColumns([["A", "B", "C"], ["名", "b", ""], ["a", "bbb", "c"]]),
    ["A   B    C", "名  b", "a   bbb  c"],
  );
});

Deno.test("fitColumns() cuts the widest columns, so that a long name hides none of the others", () => {
  const rows = [["AGENT", "STEP", "WHY"], [
    "web-1",
    "名前 👨‍👩‍👧 and a very long name of a step",
    "another step with a name has changed",
  ]];
  const lines = alignColumns(fitColumns(rows, 40));

  assertEquals(lines, [
    "AGENT  STEP             WHY",
    "web-1  名前 👨‍👩‍👧 and a …  another step w…",
  ]);
  assertEquals(lines.every((line) => widthOf(line) <= 40), true);
});

Deno.test("fitColumns() leaves rows that are narrow enough, and those that no cut would help", () => {
  const rows = [["A", "B"], ["short", "names"]];
  const many = [Array.from({ length: 20 }, () => "a long name")];

  assertEquals(fitColumns(rows, 12), rows);
  assertEquals(fitColumns(many, 80), many);
  assertEquals(fitColumns([], 80), []);
});

Deno.test("a text is cut between characters as people count them, never inside one", () => {
  const family = "👨‍👩‍👧";

  assertEquals(cutToWidth(`${family}${family}x`, 4), `${family}…`);
  assertEquals(endOfWidth(`x${family}${family}`, 4), `…${family}`);
  assertEquals(cutToWidth("e\u0301e\u0301e\u0301", 2), "e\u0301…");
});

Deno.test("wrapHanging() indents all lines but the first further than it", () => {
  assertEquals(wrapHanging("  ~ Note: content +1 -0, mode 0644", 20), [
    "  ~ Note: content +1",
    "      -0, mode 0644",
  ]);
  assertEquals(wrapHanging("  ~ Note: short", 20), ["  ~ Note: short"]);
  assertEquals(wrapHanging("", 20), [""]);
});

Deno.test("wrapToWidth() breaks between words only, and counts columns", () => {
  assertEquals(
    [
      wrapToWidth("a bb ccc", 4),
      wrapToWidth("名前 名前 x", 5),
      wrapToWidth("abcdef g", 3),
      wrapToWidth("a b", Infinity),
      wrapToWidth("", 3),
    ],
    [["a bb", "ccc"], ["名前", "名前", "x"], ["abcdef", "g"], ["a b"], [""]],
  );
});

Deno.test("bytesText() takes the unit that fits", () => {
  assertEquals(
    [0n, 1_023n, 1_024n, 1_572_864n, 5n * 2n ** 30n, 2n ** 50n].map(bytesText),
    ["0 bytes", "1023 bytes", "1.0 KiB", "1.5 MiB", "5.0 GiB", "1024.0 TiB"],
  );
});

Deno.test("plain texts are laid out as others are, without the tables of Unicode", async () => {
  const rows = [["NAME", "STATE"], ["web-1", "ok"], ["a longer name…", "~"]];
  const text = "some words of a text that is a little longer than a line";

  const plain = await columnsFor([...rows.flat(), "\x20"]);

  assertEquals(plain, plainColumns);
  assertEquals(plain.alignColumns(rows), alignColumns(rows));
  assertEquals(plain.fitColumns(rows, 20), fitColumns(rows, 20));
  for (let columns = 1; columns < text.length + 2; columns++) {
    assertEquals(plain.cutToWidth(text, columns), cutToWidth(text, columns));
    assertEquals(plain.endOfWidth(text, columns), endOfWidth(text, columns));
    assertEquals(plain.wrapToWidth(text, columns), wrapToWidth(text, columns));
    assertEquals(plain.wrapHanging(text, columns), wrapHanging(text, columns));
  }
});

for (const text of ["名", "é", "\u200b", "\t", "😀", "\x7f"]) {
  Deno.test(`a text with ${JSON.stringify(text)} needs the tables of Unicode`, async () => {
    assertEquals(await columnsFor(["plain", `x${text}`]), unicodeColumns);
  });
}
