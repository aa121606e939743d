import { assertEquals } from "@std/assert";
import {
  type Checkpoint,
  isCheckpointSigned,
  signCheckpoint,
} from "../../lib/base/checkpoint.ts";
import { testKey } from "../support/keys.ts";

const OF = { kind: "checkpoint", managerId: "m-1" } as const;

const FACTS = { count: 7n, hash: new Uint8Array(32).fill(3), at: 1_000.5 };

Deno.test("a checkpoint is signed by the key that it names", () => {
  const signed = signCheckpoint(FACTS, { ...OF, key: testKey(1) });

  assertEquals(signed.at, 1_000);
  assertEquals(signed.key, testKey(1).publicKey);
  assertEquals(isCheckpointSigned(signed, OF), true);
});

for (
  const [name, change] of Object.entries<Partial<Checkpoint>>({
    count: { count: 8n },
    hash: { hash: new Uint8Array(32) },
    time: { at: 1_001 },
    key: { key: testKey(2).publicKey },
    signature: { signature: new Uint8Array(64) },
    "count below 0": { count: -1n },
    "time that no date has": { at: 9e15 },
    "hash of another length": { hash: new Uint8Array(31) },
  })
) {
  Deno.test(`a checkpoint with another ${name} is not signed`, () => {
    const signed = signCheckpoint(FACTS, { ...OF, key: testKey(1) });

    assertEquals(isCheckpointSigned({ ...signed, ...change }, OF), false);
  });
}

Deno.test("a checkpoint of another Manager, or a stub, is no checkpoint of this one", () => {
  const signed = signCheckpoint(FACTS, { ...OF, key: testKey(1) });

  assertEquals(isCheckpointSigned(signed, { ...OF, managerId: "m-2" }), false);
  assertEquals(isCheckpointSigned(signed, { ...OF, kind: "stub" }), false);
});
