import { assertEquals, assertNotEquals } from "@std/assert";
import { createHash } from "node:crypto";
import fc from "fast-check";
import { fieldsHash } from "../../lib/base/sha256.ts";

const field = fc.oneof(
  fc.string({ unit: "grapheme", maxLength: 300 }),
  fc.uint8Array({ maxLength: 300 }),
);

Deno.test("the hash of fields is that of each field after its length", () => {
  fc.assert(fc.property(fc.array(field), (fields) => {
    const digest = createHash("sha256");
    for (const each of fields) {
      const bytes = typeof each === "string"
        ? new TextEncoder().encode(each)
        : each;
      const length = new Uint8Array(4);
      new DataView(length.buffer).setUint32(0, bytes.length);
      digest.update(length).update(bytes);
    }

    assertEquals(fieldsHash(fields), new Uint8Array(digest.digest()));
  }));
});

Deno.test("a text of many bytes is hashed as one of few is", () => {
  const long = "a".repeat(10_000);
  const parts = new TextEncoder().encode(long);

  assertEquals(fieldsHash([long, "b"]), fieldsHash([parts, "b"]));
  assertEquals(
    fieldsHash(["b", "ü"]),
    fieldsHash(["b", new Uint8Array([195, 188])]),
  );
});

Deno.test("a byte that moves to another field changes the hash", () => {
  const part = new TextEncoder().encode("xab").subarray(1);

  assertEquals(fieldsHash([part, ""]), fieldsHash(["ab", ""]));
  assertNotEquals(fieldsHash(["ab", ""]), fieldsHash(["a", "b"]));
  assertNotEquals(fieldsHash([""]), fieldsHash([]));
});
