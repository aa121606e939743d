import { assertEquals } from "@std/assert";
import { encodeHex } from "@std/encoding/hex";
import { createHash } from "node:crypto";
import { entryHash, genesisHash } from "../../lib/store/audit_chain.ts";
import { anEntry } from "./support.ts";

Deno.test("the hash of an entry is as docs/audit.md says", () => {
  const before = genesisHash("m-1");
  const field = (text: string) => {
    const bytes = new TextEncoder().encode(text);
    return [0, 0, 0, bytes.length, ...bytes];
  };
  const texts = ["1", "1000", "änna", "socket", "local", "Run", "web-1"];
  const bytes = [
    ...texts.flatMap(field),
    ...field("command.Run"),
    ...field("allowed"),
    ...field(""),
    ...[0xff, 0xff, 0xff, 0xff],
    ...field("command 1"),
    ...field("anna"),
  ];

  assertEquals(
    encodeHex(before),
    createHash("sha256").update("piri audit 1\nm-1").digest("hex"),
  );
  assertEquals(
    encodeHex(entryHash(before, {
      ...anEntry(),
      id: 1n,
      at: 1_000,
      who: "änna",
      act: "Run",
      operation: "command.Run",
      outcome: "command 1",
      note: "anna",
    })),
    createHash("sha256").update(before).update(Uint8Array.from(bytes))
      .digest("hex"),
  );
});

Deno.test("an entry with very long texts has a hash of its own", () => {
  const before = genesisHash("m-1");
  const entry = { ...anEntry(), id: 1n };
  const long = "ä".repeat(100_000);

  const hashes = [
    entryHash(before, { ...entry, target: long }),
    entryHash(before, { ...entry, target: `${long}x` }),
    entryHash(before, { ...entry, target: "", operation: long }),
  ].map((hash) => hash.toString());

  assertEquals(new Set(hashes).size, 3);
});
