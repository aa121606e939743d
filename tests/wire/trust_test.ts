import { assertEquals, assertThrows } from "@std/assert";
import { PiriError } from "../../lib/base/errors.ts";
import { sha256 } from "../../lib/base/sha256.ts";
import {
  readStatement,
  signStatement,
  trustHashes,
  type TrustStatement,
} from "../../lib/wire/trust.ts";
import { testKey } from "../support/keys.ts";
import { MemoryKeys } from "../support/memory_keys.ts";

const STATEMENT: TrustStatement = {
  number: 7,
  authorities: [new MemoryKeys().authority.certificate],
  managerKeys: [testKey(1).publicKey, testKey(2).publicKey],
};

Deno.test("a statement that a known key has signed reads back the same", () => {
  const signed = signStatement(STATEMENT, testKey(1));
  const known = [testKey(3).publicKey, testKey(1).publicKey];
  assertEquals(readStatement(signed, known), STATEMENT);
});

Deno.test("a statement of another key, or of none, or with one other byte, is denied", () => {
  const signed = signStatement(STATEMENT, testKey(1));
  const known = [testKey(1).publicKey];
  for (
    const bad of [
      signStatement(STATEMENT, testKey(4)),
      { ...signed, signature: "" },
      { ...signed, signature: "not base64" },
      { ...signed, statement: signed.statement.replace("7", "8") },
    ]
  ) {
    const error = assertThrows(() => readStatement(bad, known), PiriError);
    assertEquals(error.code, "DENIED");
  }
});

Deno.test("a statement without an authority, or with a key that is none, cannot be read", () => {
  const [key] = STATEMENT.managerKeys;
  for (
    const bad of [
      { ...STATEMENT, authorities: [] },
      { ...STATEMENT, managerKeys: [] },
      { ...STATEMENT, managerKeys: [new Uint8Array(31)] },
      { ...STATEMENT, authorities: [new Uint8Array([1, 2, 3])] },
      {
        ...STATEMENT,
        managerKeys: Array.from({ length: 5 }, () => key ?? new Uint8Array()),
      },
      { ...STATEMENT, number: 0 },
    ]
  ) {
    const error = assertThrows(
      () =>
        readStatement(signStatement(bad, testKey(1)), [testKey(1).publicKey]),
      PiriError,
    );
    assertEquals(error.code, "INVALID_ARGUMENT");
  }
});

Deno.test("a Manager's key is told by the hash of its 32 bytes", () => {
  const [, hash] = trustHashes(STATEMENT);
  assertEquals(hash, sha256(testKey(1).publicKey));
});
