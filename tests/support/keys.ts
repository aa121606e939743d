import { newSigningKey, SigningKey } from "../../lib/base/signing_key.ts";
import { KeyProof } from "../../lib/agent/link/key_proof.ts";
import type { ManagerProof } from "../../lib/manager/admission/challenge.ts";
import { NONCE_BYTES } from "../../lib/wire/proof.ts";
import { FEATURES } from "../../lib/wire/features.ts";
import {
  type AuthChallenge,
  type ClientHello,
  createClientHello,
} from "../../proto/gen/piri/agent/v1/agent_messages.ts";
import type { MemoryManager } from "./memory_manager.ts";
import { framesOf, type Init, type ScriptedPeer } from "./scripted_peer.ts";

/** A key that is the same in each run: one for each number. */
export function testKey(number: number): SigningKey {
  return new SigningKey(
    newSigningKey({
      bytes: (length) => new Uint8Array(length).fill(number),
      fraction: () => 0,
    }),
  );
}

/** SHA-256 of the authority's key, as both sides of these tests trust it. */
export const AUTHORITY: Uint8Array<ArrayBuffer> = new Uint8Array(32).fill(9);

/** Key of the Manager in these tests, and what agents verify beside it. */
export const MANAGER_PROOF: ManagerProof = {
  key: testKey(1),
  authority: AUTHORITY,
  serverName: "mgr.piri.internal",
};

/** An agent with a key that has said hello, and the proof of its connection. */
export interface Proving {
  readonly peer: ScriptedPeer;
  readonly hello: ClientHello;
  readonly proof: KeyProof;
}

/** Changes to the usual hello with a key. */
export interface ProvingOptions {
  readonly key?: SigningKey;
  readonly pinned?: Uint8Array;
  readonly authority?: Uint8Array;
  readonly helloNonce?: Uint8Array;
  readonly hello?: Init<"clientHello">;
}

let nonces = 0;

/** Says hello as an agent with a key does. */
export async function saysHello(
  core: MemoryManager,
  name: string,
  { key = testKey(2), pinned, authority = AUTHORITY, hello: init, helloNonce }:
    ProvingOptions = {},
): Promise<Proving> {
  const peer = core.dial();
  const proof = new KeyProof({
    key,
    pinned,
    authority,
    serverName: MANAGER_PROOF.serverName,
    helloNonce: helloNonce ?? new Uint8Array(NONCE_BYTES).fill(++nonces),
    pin: () => Promise.resolve(),
  });
  const hello = createClientHello(
    core.helloOf(name, { features: [...FEATURES], ...proof.fields, ...init }),
  );
  proof.said(hello);
  await peer.writes(framesOf({ case: "clientHello", value: hello }));
  return { peer, hello, proof };
}

/** Says hello, and answers the challenge. */
export async function proves(
  core: MemoryManager,
  name: string,
  options: ProvingOptions = {},
): Promise<Proving & { readonly challenge: AuthChallenge }> {
  const proving = await saysHello(core, name, options);
  const { peer, proof } = proving;
  const challenge = await peer.hears("authChallenge");
  await peer.says("authProof", proof.answer(challenge));
  return { ...proving, challenge };
}
