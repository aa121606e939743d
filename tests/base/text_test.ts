import { assertEquals } from "@std/assert";
import { cutText, endOfText } from "../../lib/base/text.ts";

Deno.test("a text is cut between two characters, at either end", () => {
  assertEquals(cutText("aäb", 2), "a");
  assertEquals(cutText("aäb", 3), "aä");
  assertEquals(endOfText("aäb", 2), "b");
  assertEquals(endOfText("aäb", 3), "äb");
  assertEquals(endOfText("😀😀", 5), "😀");
});

Deno.test("a text that fits is left as it is", () => {
  assertEquals(cutText("aäb", 4), "aäb");
  assertEquals(endOfText("aäb", 4), "aäb");
  assertEquals(endOfText("", 0), "");
});
