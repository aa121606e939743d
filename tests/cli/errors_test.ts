import { assertEquals } from "@std/assert";
import { Disconnected, PiriError } from "../../lib/base/errors.ts";
import { complaintOf, HintedError } from "../../lib/cli/errors.ts";

Deno.test("complaintOf() takes code and message of a PiriError, and the hint if it has one", () => {
  assertEquals(complaintOf(new PiriError("DENIED", "Cannot: no")), {
    code: "DENIED",
    message: "Cannot: no",
    exitCode: 4,
    fault: false,
  });
  assertEquals(complaintOf(new HintedError("BUSY", "Cannot: no", "wait")), {
    code: "BUSY",
    message: "Cannot: no",
    hint: "wait",
    exitCode: 4,
    fault: false,
  });
});

Deno.test("complaintOf() treats a lost connection like any other error", () => {
  assertEquals(complaintOf(new Disconnected("Cannot reach it: no")), {
    code: "UNAVAILABLE",
    message: "Cannot reach it: no",
    exitCode: 3,
    fault: false,
  });
});

Deno.test("complaintOf() calls everything else a fault", () => {
  assertEquals(complaintOf(new TypeError("x is not a function")), {
    code: "INTERNAL",
    message: "x is not a function",
    exitCode: 1,
    fault: true,
  });
  assertEquals(complaintOf("text").message, "text");
});
