import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { Masker, MaskTable } from "../../../lib/base/masking/masker.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

function tableOf(...forms: string[]): MaskTable {
  return new MaskTable(forms.map((form) => encoder.encode(form)));
}

/** Output and count of a stream that comes in these pieces. */
function maskPieces(table: MaskTable, pieces: readonly string[]) {
  const masker = new Masker(table);
  const passed = pieces.map((piece) =>
    decoder.decode(masker.push(encoder.encode(piece)))
  );
  passed.push(decoder.decode(masker.flush()));
  return { text: passed.join(""), count: masker.count, passed };
}

/** The same by trying all forms at all places of the whole stream. */
function maskPlainly(forms: readonly string[], text: string) {
  const masked = [...text].map((_, at) =>
    Math.max(
      0,
      ...forms.filter((form) => text.startsWith(form, at))
        .map(({ length }) => length),
    )
  );
  let until = 0;
  let count = 0;
  let output = "";
  for (const [at, length] of masked.entries()) {
    const begins = length > 0 && at >= until;
    output += begins ? "***" : at >= until ? text[at] : "";
    count += begins ? 1 : 0;
    until = length > 0 ? Math.max(until, at + length) : until;
  }
  return { text: output, count };
}

Deno.test("a masker replaces every place of a form, and counts them", () => {
  const { text, count } = maskPieces(tableOf("hunter22", "s3cret"), [
    "hunter22 and s3cret, then hunter22!",
  ]);
  assertEquals(text, "*** and ***, then ***!");
  assertEquals(count, 3);
});

Deno.test("a masker gives the same output wherever the stream is cut", () => {
  const table = tableOf("hunter22", "hunter2222", "22hunt", "r22xyz");
  const whole = "a hunter2222hunter22xyz 2hunter2 22hunt hunter";
  const expected = maskPieces(table, [whole]);
  for (let one = 0; one <= whole.length; one++) {
    for (let two = one; two <= whole.length; two++) {
      const { text, count } = maskPieces(table, [
        whole.slice(0, one),
        whole.slice(one, two),
        whole.slice(two),
      ]);
      assertEquals(text, expected.text);
      assertEquals(count, expected.count);
    }
  }
});

Deno.test("a masker agrees with a plain search, in pieces of every size", () => {
  const letters = fc.constantFrom("a", "b", "c");
  const word = fc.string({ unit: letters, minLength: 3, maxLength: 6 });
  const piece = fc.string({ unit: letters, maxLength: 9 });
  fc.assert(
    fc.property(
      fc.array(word, { minLength: 1, maxLength: 4 }),
      fc.array(piece, { maxLength: 8 }),
      (forms, pieces) => {
        const { text, count } = maskPieces(tableOf(...forms), pieces);
        assertEquals({ text, count }, maskPlainly(forms, pieces.join("")));
      },
    ),
    { numRuns: 3_000 },
  );
});

Deno.test("forms that overlap are masked as one, and nothing of them is left", () => {
  const { text, count } = maskPieces(tableOf("password1", "word1234"), [
    "password1234 word1234",
  ]);
  assertEquals(text, "*** ***");
  assertEquals(count, 2);
});

Deno.test("a masker holds bytes back only while they may begin a form", () => {
  const masker = new Masker(tableOf("hunter22"));
  const push = (text: string) =>
    decoder.decode(masker.push(encoder.encode(text)));
  assertEquals(push("name: hun"), "name: ");
  assert(masker.isHolding);
  assertEquals(push("gry"), "hungry");
  assert(!masker.isHolding);
  assertEquals(push("password: "), "password: ");
  assert(!masker.isHolding);
});

Deno.test("a masker passes a piece without a form on as it is", () => {
  const masker = new Masker(tableOf("hunter22"));
  const piece = encoder.encode("nothing here");
  assertEquals(masker.push(piece).buffer, piece.buffer);
});
