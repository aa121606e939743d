import { assertEquals } from "@std/assert";
import { diffLines } from "../../../../lib/cli/manager/job/body_diff.ts";

const TEN = Array.from({ length: 10 }, (_, index) => `line ${index + 1}`);

for (
  const [what, reference, other, expected] of [
    ["equal texts", TEN, TEN, []],
    ["empty texts", [], [], []],
    ["a changed line", ["a", "b", "c"], ["a", "x", "c"], [
      "@ line 1",
      "  a",
      "- b",
      "+ x",
      "  c",
    ]],
    ["a text and an empty one", ["a"], [], ["@ line 1", "- a"]],
    ["a line at the end", TEN, [...TEN, "more"], [
      "@ line 9",
      "  line 9",
      "  line 10",
      "+ more",
    ]],
    ["a line that looks like a sign", ["- a"], ["+ a"], [
      "@ line 1",
      "- - a",
      "+ + a",
    ]],
  ] as const
) {
  Deno.test(`diffLines() of ${what}`, () => {
    assertEquals(diffLines(reference, other), [...expected]);
  });
}

Deno.test("diffLines() gives up on texts that have too little in common", () => {
  const numbers = Array.from({ length: 6_000 }, (_, index) => `a${index}`);
  const others = numbers.map((line) => `b${line}`);

  assertEquals(diffLines(numbers, others), undefined);
});
