import { assertEquals } from "@std/assert";
import {
  decodeExactly,
  decodeLeniently,
  joinBytes,
  unfinishedTail,
} from "../../lib/cli/utf8.ts";

Deno.test("unfinishedTail() counts the bytes of an incomplete character, wherever it is cut", () => {
  const bytes = new TextEncoder().encode("aé€😀");
  const tails: number[] = [];
  for (let end = 0; end <= bytes.length; end++) {
    tails.push(unfinishedTail(bytes.subarray(0, end)));
  }

  assertEquals(tails, [0, 0, 1, 0, 1, 2, 0, 1, 2, 3, 0]);
});

Deno.test("unfinishedTail() does not wait for bytes that cannot become a character", () => {
  assertEquals(
    [[0xff], [0xc0], [0xf5, 0x80], [0x80, 0x80, 0x80], [0xf0]].map((bytes) =>
      unfinishedTail(Uint8Array.from(bytes))
    ),
    [0, 0, 0, 0, 1],
  );
});

Deno.test("decodeExactly() takes UTF-8 only, decodeLeniently() anything", () => {
  const wrong = Uint8Array.of(0x61, 0xff);

  assertEquals([decodeExactly(wrong), decodeLeniently(wrong)], [
    undefined,
    "a\ufffd",
  ]);
  assertEquals(decodeExactly(Uint8Array.of(0xc3, 0xa9)), "é");
});

Deno.test("joinBytes() puts two arrays together", () => {
  assertEquals(
    joinBytes(Uint8Array.of(1), Uint8Array.of(2, 3)),
    Uint8Array.of(1, 2, 3),
  );
});
