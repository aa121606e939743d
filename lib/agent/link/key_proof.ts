import {
  type AuthChallenge,
  type AuthProof,
  type ClientHello,
  createAuthProof,
  type ServerHello,
} from "../../../proto/gen/piri/agent/v1/agent_messages.ts";
import { messageOf, PiriError } from "../../base/errors.ts";
import { logger } from "../../base/log.ts";
import type { Random } from "../../base/random.ts";
import { sameHash } from "../../base/secret.ts";
import {
  fingerprint,
  isSignedBy,
  type SigningKey,
} from "../../base/signing_key.ts";
import {
  helloHash,
  NONCE_BYTES,
  PROOF,
  type ProvenManager,
  type Transcript,
  transcriptHash,
} from "../../wire/proof.ts";

const log = logger("agent", "link");

/** Key by which an agent proves itself, and what it trusts. */
export interface AgentKey
  extends Pick<ProvenManager, "authority" | "serverName"> {
  readonly key: SigningKey;
  /** Key of the Manager that has admitted this key; undefined before. */
  readonly pinned: Uint8Array | undefined;
  /** Key that the Manager must have before it is pinned, told by a join token; undefined for any. */
  readonly expected?: Uint8Array | undefined;
  /** Keeps the Manager's key on the disk, once it has admitted this key. */
  readonly pin: (managerKey: Uint8Array) => Promise<void>;
}

/** Proofs of an agent, over all its connections. */
export class KeyProofs {
  readonly #options: AgentKey;
  readonly #random: Random;
  #pinned: Uint8Array | undefined;

  constructor(options: AgentKey, random: Random) {
    this.#options = options;
    this.#random = random;
    this.#pinned = options.pinned;
  }

  /** Begins the proof of one connection. */
  begin(): KeyProof {
    return new KeyProof({
      ...this.#options,
      helloNonce: this.#random.bytes(NONCE_BYTES),
      pinned: this.#pinned,
      pin: (key) => this.#pin(key),
    });
  }

  async #pin(managerKey: Uint8Array): Promise<void> {
    try {
      await this.#options.pin(managerKey);
    } catch (error) {
      // The secret goes on: a pin that a restart forgets would be trusted anew then.
      log.warning("{error}", { error: messageOf(error) });
      return;
    }
    this.#pinned = managerKey;
    log.info(
      "The Manager's key {fingerprint} is trusted from now on, and this agent proves its own instead of sending a secret",
      { fingerprint: fingerprint(managerKey) },
    );
  }
}

/** Proof of one connection, in the order of the messages: docs/protocol.md, "Proof of key". */
export class KeyProof {
  readonly #options: AgentKey & { readonly helloNonce: Uint8Array };
  #hello: ClientHello | undefined;
  #challenge: AuthChallenge | undefined;

  constructor(options: AgentKey & { readonly helloNonce: Uint8Array }) {
    this.#options = options;
  }

  /** True if this key was admitted before: the hello has no secret, and the Manager must prove its own key. */
  get isAdmitted(): boolean {
    return this.#options.pinned !== undefined;
  }

  /** True if both sides have proven their keys, as far as this side can tell. */
  get isDone(): boolean {
    return this.#challenge !== undefined;
  }

  /** Key that the Manager has proven on this connection; undefined before. */
  get managerKey(): Uint8Array | undefined {
    return this.#challenge?.managerKey;
  }

  /** Fields of the hello. */
  get fields(): Pick<ClientHello, "publicKey" | "helloNonce"> {
    const { key, helloNonce } = this.#options;
    return { publicKey: key.publicKey, helloNonce };
  }

  /** Notes the hello that is sent. */
  said(hello: ClientHello): void {
    this.#hello = hello;
  }

  /**
   * Verifies the Manager, and signs.
   *
   * @throws {PiriError} PROTOCOL_VIOLATION: nothing was signed
   */
  answer(challenge: AuthChallenge): AuthProof {
    const { key, authority, serverName, expected } = this.#options;
    const pinned = this.#options.pinned ?? expected;
    const { nonce, managerKey, managerId, signature } = challenge;
    if (pinned !== undefined && !sameHash(pinned, managerKey)) {
      throw violation(
        "accept the challenge",
        `it is signed by ${
          fingerprint(managerKey)
        }, and this agent's Manager has the key ${fingerprint(pinned)}`,
      );
    }
    if (nonce.length !== NONCE_BYTES || managerId === "") {
      throw violation("accept the challenge", "it is incomplete");
    }
    const hello = this.#hello;
    if (hello === undefined) throw new Error("no hello was sent");
    const transcript: Transcript = {
      managerId,
      managerKey,
      authority,
      serverName,
      hello,
      helloHash: helloHash(hello),
      nonce,
    };
    const isProven = isSignedBy(
      managerKey,
      transcriptHash("manager", transcript),
      signature,
    );
    if (!isProven) {
      throw violation("accept the challenge", "its signature is wrong");
    }
    this.#challenge = challenge;
    return createAuthProof({
      signature: key.sign(transcriptHash("agent", transcript)),
    });
  }

  /**
   * Checks that the Manager which admits this agent is the proven one, and pins its key if it is the first.
   *
   * @throws {PiriError} PROTOCOL_VIOLATION
   */
  welcomed({ managerId, features }: ServerHello): Promise<void> | undefined {
    const challenge = this.#challenge;
    if (challenge === undefined) {
      if (!this.isAdmitted && this.#options.expected === undefined) {
        return undefined;
      }
      throw violation(
        "accept the ServerHello",
        "this agent's Manager has a key, and did not prove it",
      );
    }
    if (managerId !== challenge.managerId || !features.includes(PROOF)) {
      throw violation(
        "accept the ServerHello",
        "it is not of the Manager that proved its key",
      );
    }
    return this.isAdmitted
      ? undefined
      : this.#options.pin(challenge.managerKey);
  }
}

function violation(attempt: string, reason: string): PiriError {
  return new PiriError("PROTOCOL_VIOLATION", `Cannot ${attempt}: ${reason}`);
}
