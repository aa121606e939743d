import { assertEquals } from "@std/assert";
import { FEATURES, negotiate } from "../../lib/wire/features.ts";

Deno.test("what both sides can do is granted, and nothing else", () => {
  assertEquals([...negotiate([...FEATURES])], [...FEATURES]);
  assertEquals([...negotiate(["chunks", "teleport"])], ["chunks"]);
  assertEquals([...negotiate([...FEATURES], ["chunks"])], ["chunks"]);
  assertEquals([...negotiate([])], []);
});

Deno.test("ack stands on output, and resume on ack", () => {
  assertEquals([...negotiate(["ack", "resume"])], []);
  assertEquals([...negotiate(["output", "resume"])], ["output"]);
  assertEquals([...negotiate(["resume", "ack", "output"])], [
    "output",
    "ack",
    "resume",
  ]);
});
