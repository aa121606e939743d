import { assertEquals } from "@std/assert";
import { isTooDeep } from "../../lib/base/json_depth.ts";

const nested = (depth: number) => "[".repeat(depth) + "]".repeat(depth);

Deno.test("JSON may be nested 64 deep, and no deeper", () => {
  assertEquals(isTooDeep(nested(64)), false);
  assertEquals(isTooDeep(nested(65)), true);
  assertEquals(isTooDeep('{"a":'.repeat(65)), true);
});

Deno.test("values side by side do not count as deep", () => {
  assertEquals(isTooDeep(`[${"[],".repeat(1_000)}[]]`), false);
});

Deno.test("brackets within strings do not count, whatever is escaped there", () => {
  assertEquals(isTooDeep(JSON.stringify("[".repeat(100))), false);
  assertEquals(isTooDeep(JSON.stringify(`\\"${"[".repeat(100)}`)), false);
  assertEquals(isTooDeep(`"\\\\"${nested(65)}`), true);
});
