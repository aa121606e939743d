import { assertEquals, assertThrows } from "@std/assert";
import { KeyProof } from "../../../lib/agent/link/key_proof.ts";
import { PiriError } from "../../../lib/base/errors.ts";
import { countingRandom } from "../../support/counting_random.ts";
import { Challenge } from "../../../lib/manager/admission/challenge.ts";
import { encodeMessage } from "../../../lib/wire/message.ts";
import {
  type AuthChallenge,
  type ClientHello,
  createClientHello,
  createServerHello,
} from "../../../proto/gen/piri/agent/v1/agent_messages.ts";
import { AUTHORITY, MANAGER_PROOF, testKey } from "../../support/keys.ts";

/** An agent that has said hello, with the key of its Manager or without. */
function agent({ pinned }: { pinned?: Uint8Array } = {}) {
  const pins: Uint8Array[] = [];
  const proof = new KeyProof({
    key: testKey(2),
    authority: AUTHORITY,
    serverName: "mgr.piri.internal",
    pinned,
    helloNonce: new Uint8Array(32).fill(4),
    pin: (key) => {
      pins.push(key);
      return Promise.resolve();
    },
  });
  const hello = createClientHello({
    clientId: "web-1",
    protocol: 2,
    session: 1n,
    ...proof.fields,
  });
  proof.said(hello);
  return { proof, hello, pins };
}

/** The challenge of a Manager. */
function challengeOf(
  hello: ClientHello,
  by: Partial<typeof MANAGER_PROOF> = {},
): { challenge: Challenge; message: AuthChallenge } {
  const challenge = new Challenge(
    hello,
    encodeMessage({ case: "clientHello", value: hello }),
    {
      ...MANAGER_PROOF,
      ...by,
      managerId: "manager-1",
      random: countingRandom(),
    },
  );
  const { body } = challenge;
  return { challenge, message: body.value as AuthChallenge };
}

function assertLeft(attempt: () => unknown, text: string): void {
  const error = assertThrows(attempt, PiriError, text);
  assertEquals(error.code, "PROTOCOL_VIOLATION");
}

const WELCOME = createServerHello({
  version: 1,
  managerId: "manager-1",
  features: ["proof"],
});

Deno.test("both sides prove their keys, and the first Manager's key is pinned", async () => {
  const { proof, hello, pins } = agent();
  const { challenge, message } = challengeOf(hello);
  assertEquals(challenge.isMetBy(proof.answer(message)), true);
  await proof.welcomed(WELCOME);
  assertEquals(pins, [MANAGER_PROOF.key.publicKey]);
});

Deno.test("an impostor with the authority's key but not manager.key is left before the agent signs", () => {
  const { proof, hello } = agent({ pinned: MANAGER_PROOF.key.publicKey });
  const { message } = challengeOf(hello, { key: testKey(5) });
  assertLeft(() => proof.answer(message), "this agent's Manager has the key");
  // It claims the right key, and signs by its own.
  const { publicKey: managerKey } = MANAGER_PROOF.key;
  assertLeft(
    () => proof.answer({ ...message, managerKey }),
    "its signature is wrong",
  );
  assertEquals(proof.isDone, false);
});

Deno.test("another authority's Manager cannot relay", () => {
  const { proof, hello } = agent({ pinned: MANAGER_PROOF.key.publicKey });
  // The real Manager's challenge, handed on by one whose authority this agent trusts.
  const { message } = challengeOf(hello, {
    authority: new Uint8Array(32).fill(7),
  });
  assertLeft(() => proof.answer(message), "its signature is wrong");
});

Deno.test("a Manager with a known key that does not prove it is left", () => {
  const { proof } = agent({ pinned: MANAGER_PROOF.key.publicKey });
  assertLeft(() => proof.welcomed(WELCOME), "did not prove it");
});

Deno.test("a Manager without a key is worked for while none is known", () => {
  const { proof, pins } = agent();
  assertEquals(
    proof.welcomed(createServerHello({ managerId: "manager-1" })),
    undefined,
  );
  assertEquals(pins, []);
});

Deno.test("a ServerHello of another Manager than the proven one is a violation", () => {
  const { proof, hello } = agent();
  proof.answer(challengeOf(hello).message);
  assertLeft(
    () => proof.welcomed({ ...WELCOME, managerId: "manager-2" }),
    "not of the Manager that proved its key",
  );
  assertLeft(
    () => proof.welcomed({ ...WELCOME, features: [] }),
    "not of the Manager that proved its key",
  );
});

Deno.test("a challenge to another hello is a violation", () => {
  const { proof, hello } = agent();
  const { message } = challengeOf({ ...hello, session: 2n });
  assertLeft(() => proof.answer(message), "its signature is wrong");
});
