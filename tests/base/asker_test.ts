import { assertEquals } from "@std/assert";
import { askerText } from "../../lib/base/asker.ts";

for (
  const [requestedBy, saidBy, text] of [
    ["anna", "", "anna"],
    ["anna", "anna", "anna"],
    ["anna", "root", 'anna (says "root")'],
    ["root (sudo: anna)", "root", "root (sudo: anna)"],
    ["root (sudo: anna)", "anna", "root (sudo: anna)"],
    ["root (sudo: anna)", "ben", 'root (sudo: anna) (says "ben")'],
    ["local", "", "local"],
    ["local", "anna", 'local (says "anna")'],
    ["annabel", "anna", 'annabel (says "anna")'],
    ["", "", ""],
  ] as const
) {
  Deno.test(`"${requestedBy}" who calls itself "${saidBy}" is shown as ${text || "nothing"}`, () => {
    assertEquals(askerText({ requestedBy, saidBy }), text);
  });
}
