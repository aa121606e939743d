import { assertEquals } from "@std/assert";
import fc from "fast-check";
import {
  bytesOfName,
  isFileName,
  nameOfBytes,
  shownName,
} from "../../lib/files/names.ts";

Deno.test("each name of bytes has one text, and its bytes come back", () => {
  fc.assert(
    fc.property(fc.uint8Array({ min: 1, maxLength: 40 }), (bytes) => {
      assertEquals(bytesOfName(nameOfBytes(bytes)), bytes);
    }),
    { numRuns: 2_000 },
  );
});

Deno.test("a name that is UTF-8 stays as it is, and other bytes are seen", () => {
  const bytes = Uint8Array.of(0x63, 0x61, 0x66, 0xe9, 0x2e, 0xff);

  assertEquals(nameOfBytes(new TextEncoder().encode("日本 ü")), "日本 ü");
  assertEquals(nameOfBytes(bytes), "caf\udce9.\udcff");
  assertEquals(shownName("caf\udce9.\udcff"), "caf\\xe9.\\xff");
});

Deno.test("half of a character is told from a whole one", () => {
  assertEquals(
    nameOfBytes(Uint8Array.of(0xe2, 0x82, 0xe2, 0x82, 0xac)),
    "\udce2\udc82€",
  );
  assertEquals(nameOfBytes(Uint8Array.of(0xc0, 0xaf)), "\udcc0\udcaf");
});

for (
  const name of [
    "",
    ".",
    "..",
    "a/b",
    "/",
    "a\0",
    "\ud800",
    "\udc2f",
    "\udfff",
  ]
) {
  Deno.test(`${JSON.stringify(name)} is no name of a file`, () => {
    assertEquals(isFileName(name), false);
  });
}

Deno.test("all else is a name of a file, bytes that are no text among it", () => {
  assertEquals(
    ["a", "...", " ", "a b", "-", "ü", "caf\udce9", "🙂"].map(isFileName),
    Array(8).fill(true),
  );
});
