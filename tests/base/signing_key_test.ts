import { assertEquals } from "@std/assert";
import {
  isSignedBy,
  newSigningKey,
  SigningKey,
} from "../../lib/base/signing_key.ts";

function keyOf(number: number): SigningKey {
  return new SigningKey(
    newSigningKey({
      bytes: (length) => new Uint8Array(length).fill(number),
      fraction: () => 0,
    }),
  );
}

const MESSAGE = new Uint8Array(32).fill(7);

Deno.test("a signature is checked with its own key, whichever was asked for before", () => {
  const [one, other] = [keyOf(1), keyOf(2)];
  const [byOne, byOther] = [one.sign(MESSAGE), other.sign(MESSAGE)];
  const asked = [
    [one, byOne, true],
    [one, byOne, true],
    [other, byOne, false],
    [other, byOther, true],
    [one, byOther, false],
    [one, byOne, true],
  ] as const;

  assertEquals(
    asked.map(([{ publicKey }, signature]) =>
      isSignedBy(publicKey, MESSAGE, signature)
    ),
    asked.map(([, , isGood]) => isGood),
  );
});

Deno.test("a key that changes its bytes is another key", () => {
  const publicKey = keyOf(1).publicKey.slice();
  const signature = keyOf(1).sign(MESSAGE);
  assertEquals(isSignedBy(publicKey, MESSAGE, signature), true);
  publicKey.set(keyOf(2).publicKey);

  assertEquals(isSignedBy(publicKey, MESSAGE, signature), false);
});

Deno.test("bytes that are no key sign nothing, and leave other keys as they are", () => {
  const key = keyOf(1);
  const signature = key.sign(MESSAGE);
  const noPoint = new Uint8Array(32).fill(2);

  assertEquals(isSignedBy(key.publicKey, MESSAGE, signature), true);
  assertEquals(isSignedBy(noPoint, MESSAGE, signature), false);
  assertEquals(isSignedBy(noPoint, MESSAGE, signature), false);
  assertEquals(isSignedBy(key.publicKey, MESSAGE, signature), true);
  assertEquals(isSignedBy(new Uint8Array(31), MESSAGE, signature), false);
});
