import { assert, assertEquals } from "@std/assert";
import { inspect } from "node:util";
import { Sealed } from "../../lib/base/sealed.ts";

Deno.test("a sealed text shows itself in no text, JSON, error or print, and opens when asked", () => {
  const secret = new Sealed("hunter22");
  const shown = [
    `${secret}`,
    String(secret),
    JSON.stringify({ secret, list: [secret] }),
    Deno.inspect(secret),
    Deno.inspect({ deep: { secret: [secret] } }, { depth: 9 }),
    inspect({ secret }, { showHidden: true }),
    new Error(`Cannot use ${secret}`, { cause: secret }).message,
    Deno.inspect(new Error("no", { cause: secret })),
    JSON.stringify(Object.entries(secret)),
    JSON.stringify({ ...secret }),
  ];
  assertEquals(shown.filter((text) => text.includes("hunter22")), []);
  assert(shown[0] === "***" && secret.open() === "hunter22");
});
