import { assertEquals, assertMatch, assertNotEquals } from "@std/assert";
import { encodeHex } from "@std/encoding/hex";
import { systemRandom } from "../../lib/base/random.ts";
import {
  hashSecret,
  newSecret,
  sameHash,
  SECRET_PATTERN,
} from "../../lib/base/secret.ts";

Deno.test("newSecret makes another 256 bits each time", () => {
  const secret = newSecret(systemRandom);
  assertMatch(secret, SECRET_PATTERN);
  assertNotEquals(secret, newSecret(systemRandom));
});

Deno.test("hashSecret is the SHA-256 of the text", () => {
  assertEquals(
    encodeHex(hashSecret("abc")),
    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
  );
});

Deno.test("sameHash tells equal from different, of whatever lengths", () => {
  const hash = hashSecret("one");
  assertEquals(sameHash(hash, hashSecret("one")), true);
  assertEquals(sameHash(hash, hashSecret("two")), false);
  assertEquals(sameHash(hash, hash.subarray(1)), false);
  assertEquals(sameHash(hash, new Uint8Array()), false);
});
