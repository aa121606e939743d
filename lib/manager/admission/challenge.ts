import {
  type AuthProof,
  type ClientHello,
  createAuthChallenge,
} from "../../../proto/gen/piri/agent/v1/agent_messages.ts";
import type { Random } from "../../base/random.ts";
import { sha256 } from "../../base/sha256.ts";
import { isSignedBy, type SigningKey } from "../../base/signing_key.ts";
import type { Body } from "../../wire/message.ts";
import {
  NONCE_BYTES,
  type ProvenManager,
  type Transcript,
  transcriptHash,
} from "../../wire/proof.ts";

/** Key by which a Manager proves itself, and what agents verify beside it. */
export interface ManagerProof
  extends Pick<ProvenManager, "authority" | "serverName"> {
  readonly key: SigningKey;
}

export interface ChallengeOptions extends ManagerProof {
  readonly managerId: string;
  readonly random: Random;
}

/** Challenge to the agent of one hello: docs/protocol.md, "Proof of key". It is answered once. */
export class Challenge {
  readonly hello: ClientHello;
  readonly #key: SigningKey;
  readonly #transcript: Transcript;

  /** @param bytes The message with the hello, as it came. */
  constructor(
    hello: ClientHello,
    bytes: Uint8Array,
    { key, random, managerId, authority, serverName }: ChallengeOptions,
  ) {
    this.hello = hello;
    this.#key = key;
    this.#transcript = {
      managerId,
      managerKey: key.publicKey,
      authority,
      serverName,
      hello,
      helloHash: sha256(bytes),
      nonce: random.bytes(NONCE_BYTES),
    };
  }

  /** The challenge as it is sent. */
  get body(): Body {
    const { nonce, managerId, managerKey } = this.#transcript;
    const hash = transcriptHash("manager", this.#transcript);
    return {
      case: "authChallenge",
      value: createAuthChallenge({
        nonce,
        managerId,
        managerKey,
        signature: this.#key.sign(hash),
      }),
    };
  }

  /** True if the agent has the key of its hello. */
  isMetBy({ signature }: AuthProof): boolean {
    const hash = transcriptHash("agent", this.#transcript);
    return isSignedBy(this.hello.publicKey, hash, signature);
  }
}
