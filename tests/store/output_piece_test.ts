import { assertThrows } from "@std/assert";
import { joined } from "../../lib/store/output_piece.ts";

Deno.test("to join no pieces of output is our bug", () => {
  assertThrows(
    () => joined([]),
    TypeError,
    "Cannot join pieces of output: there are none",
  );
});
