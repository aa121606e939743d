import { assertEquals } from "@std/assert";
import { FEATURES, negotiate } from "../../lib/wire/features.ts";

Deno.test("features that both sides have are granted, and no others", () => {
  assertEquals([...negotiate([...FEATURES])], [...FEATURES]);
  assertEquals([...negotiate(["chunks", "teleport"])], ["chunks"]);
  assertEquals([...negotiate([...FEATURES], ["chunks"])], ["chunks"]);
  assertEquals([...negotiate([])], []);
});

Deno.test("ack requires output, and resume requires ack", () => {
  assertEquals([...negotiate(["ack", "resume"])], []);
  assertEquals([...negotiate(["output", "resume"])], ["output"]);
  assertEquals([...negotiate(["resume", "ack", "output"])], [
    "output",
    "ack",
    "resume",
  ]);
});
