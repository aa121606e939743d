import { assert, assertEquals, assertThrows } from "@std/assert";
import { Buffer } from "node:buffer";
import { Masker, MaskTable } from "../../../lib/base/masking/masker.ts";
import { formsOf } from "../../../lib/base/masking/secret_forms.ts";
import { checkSecret } from "../../../lib/base/masking/secret_text.ts";
import { canaries, formsToFind } from "../../support/canaries.ts";

function maskedText(secrets: readonly string[], text: string): string {
  const masker = new Masker(new MaskTable(secrets.flatMap(formsOf)));
  const bytes = new TextEncoder().encode(text);
  const pieces = [masker.push(bytes), masker.flush()];
  return pieces.map((piece) => new TextDecoder().decode(piece)).join("");
}

Deno.test("twenty secrets in nine forms each are masked in one text", () => {
  const secrets = canaries(20);
  const forms = secrets.flatMap(formsToFind);
  assertEquals(forms.length, 180);
  const text = maskedText(secrets, forms.map((f) => `<${f}>\n`).join(""));
  for (const form of forms) assert(!text.includes(form), form);
});

Deno.test("base64 of a secret among other bytes is masked at every alignment", () => {
  const secret = "p4ss/w0rd+now";
  for (const before of ["", "x", "xy", "user:"]) {
    for (const encoding of ["base64", "base64url"] as const) {
      const text = Buffer.from(`${before}${secret}:end`).toString(encoding);
      assert(maskedText([secret], text).includes("***"), text);
    }
  }
});

Deno.test("each line of a longer secret is masked by itself, but not a line of under 6 bytes", () => {
  const secret = "-----BEGIN KEY-----\r\nabcdefghij\nxyz\n";
  assertEquals(
    maskedText([secret], "a abcdefghij b xyz c -----BEGIN KEY-----"),
    "a *** b xyz c ***",
  );
});

Deno.test("base64 in lines, as tools print it, is masked", () => {
  const secret = "0123456789".repeat(13);
  const text = Buffer.from(secret).toString("base64");
  const lines = text.match(/.{1,76}/g) ?? [];
  assertEquals(maskedText([secret], lines.join("\n")), "***\n***\n***");
});

Deno.test("JSON of a secret is masked as JavaScript, Python and PHP write it", () => {
  assertEquals(
    maskedText(
      ['käse/"x"\n1'],
      String.raw`käse/\"x\"\n1 k\u00e4se/\"x\"\n1 k\u00e4se\/\"x\"\n1`,
    ),
    "*** *** ***",
  );
});

Deno.test("a secret under 6 bytes or over the limit is refused, and not told", () => {
  checkSecret("123456", "the secret");
  const error = assertThrows(() => checkSecret("12345", 'secret "pin"'));
  assertEquals(
    String(error),
    'PiriError: Cannot take secret "pin": it has 5 bytes, and the least is 6, as a shorter one cannot be masked in output',
  );
  assertThrows(() => checkSecret("x".repeat(32_769), "the secret"));
});
