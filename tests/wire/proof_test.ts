import { assertEquals } from "@std/assert";
import { encodeHex } from "@std/encoding/hex";
import { isSignedBy } from "../../lib/base/signing_key.ts";
import { offersProof, transcriptHash } from "../../lib/wire/proof.ts";
import { createClientHello } from "../../proto/gen/piri/agent/v1/agent_messages.ts";
import { testKey } from "../support/keys.ts";

/** The transcript of docs/protocol.md, "Proof of key". */
const TRANSCRIPT = {
  managerId: "0123456789abcdef0123456789abcdef",
  managerKey: testKey(1).publicKey,
  authority: new Uint8Array(32).fill(9),
  serverName: "mgr.piri.internal",
  hello: createClientHello({
    clientId: "web-1",
    publicKey: testKey(2).publicKey,
    instance: "fedcba9876543210fedcba9876543210",
    session: 258n,
    helloNonce: new Uint8Array(32).fill(4),
  }),
  helloHash: new Uint8Array(32).fill(6),
  nonce: new Uint8Array(32).fill(5),
};

Deno.test("transcripts and signatures are those of the test vectors", () => {
  const manager = transcriptHash("manager", TRANSCRIPT);
  const agent = transcriptHash("agent", TRANSCRIPT);
  assertEquals({
    managerKey: encodeHex(testKey(1).publicKey),
    agentKey: encodeHex(testKey(2).publicKey),
    manager: encodeHex(manager),
    managerSigns: encodeHex(testKey(1).sign(manager)),
    agent: encodeHex(agent),
    agentSigns: encodeHex(testKey(2).sign(agent)),
  }, {
    managerKey:
      "8a88e3dd7409f195fd52db2d3cba5d72ca6709bf1d94121bf3748801b40f6f5c",
    agentKey:
      "8139770ea87d175f56a35466c34c7ecccb8d8a91b4ee37a25df60f5b8fc9b394",
    manager: "16a1111c0cc63022d80415dd8ea770dd8fcf344fe890a64371ac54b636f8ffa2",
    managerSigns:
      "1ca063af5f8b3b47eb818959b1221e2a5dacb5b1007f347ae0811e8f3a29be73d43d0ab3805ea26b27dd1c59166db4959283078b9700a546062b8d2356aba40f",
    agent: "b0e828ef2d364e15d77d0444448887afa92a09e648061758f5a3c1606b6da753",
    agentSigns:
      "d5ebb136f8c20615ddd74f5b80f098fa6904d66984be953352ebafdc462284e7b1d1b183582ca6ed24ac3eed2325d3533ba4b316929ab04b886f1e19c5da870c",
  });
});

Deno.test("each field of a transcript changes what is signed", () => {
  const { hello } = TRANSCRIPT;
  const other = new Uint8Array(32);
  const changed = [
    TRANSCRIPT,
    { ...TRANSCRIPT, managerId: "" },
    { ...TRANSCRIPT, managerKey: other },
    { ...TRANSCRIPT, authority: other },
    { ...TRANSCRIPT, serverName: "" },
    { ...TRANSCRIPT, helloHash: other },
    { ...TRANSCRIPT, nonce: other },
    { ...TRANSCRIPT, hello: { ...hello, clientId: "web-2" } },
    { ...TRANSCRIPT, hello: { ...hello, publicKey: other } },
    { ...TRANSCRIPT, hello: { ...hello, instance: "" } },
    { ...TRANSCRIPT, hello: { ...hello, session: 2n } },
    { ...TRANSCRIPT, hello: { ...hello, helloNonce: other } },
    // The same letters, with the border between two fields elsewhere.
    {
      ...TRANSCRIPT,
      serverName: "mgr.piri.interna",
      hello: { ...hello, clientId: "lweb-1" },
    },
  ];
  const hashes = changed.flatMap((each) => [
    encodeHex(transcriptHash("agent", each)),
    encodeHex(transcriptHash("manager", each)),
  ]);
  assertEquals(new Set(hashes).size, 2 * changed.length);
});

Deno.test("a signature counts only of these bytes, by this key, and whole", () => {
  const bytes = new Uint8Array([1, 2, 3]);
  const signature = testKey(1).sign(bytes);
  const { publicKey } = testKey(1);
  assertEquals(isSignedBy(publicKey, bytes, signature), true);
  assertEquals(isSignedBy(testKey(2).publicKey, bytes, signature), false);
  assertEquals(isSignedBy(publicKey, new Uint8Array(3), signature), false);
  assertEquals(isSignedBy(publicKey, bytes, signature.slice(1)), false);
  assertEquals(isSignedBy(new Uint8Array(), bytes, signature), false);
  assertEquals(
    isSignedBy(new Uint8Array(32).fill(255), bytes, signature),
    false,
  );
});

Deno.test("a hello is the ground for a challenge only with the feature, a key and a nonce", () => {
  const whole = createClientHello({
    protocol: 2,
    features: ["proof"],
    publicKey: new Uint8Array(32),
    helloNonce: new Uint8Array(32),
  });
  assertEquals(offersProof(whole), true);
  assertEquals(offersProof({ ...whole, protocol: 0 }), false);
  assertEquals(offersProof({ ...whole, features: ["ack"] }), false);
  assertEquals(offersProof({ ...whole, publicKey: new Uint8Array() }), false);
  assertEquals(offersProof({ ...whole, helloNonce: new Uint8Array(8) }), false);
});
