import {
  type AuthChallenge,
  type AuthProof,
  type ClientHello,
  createAuthProof,
  type ServerHello,
} from "../../../proto/gen/piri/agent/v1/agent_messages.ts";
import { PiriError } from "../../base/errors.ts";
import { sameHash } from "../../base/secret.ts";
import {
  fingerprint,
  isSignedBy,
  type SigningKey,
} from "../../base/signing_key.ts";
import { dialectOfManager } from "../../wire/dialect.ts";
import type { AgentTrust } from "./agent_trust.ts";
import {
  helloHash,
  NONCE_BYTES,
  PROOF,
  type ProvenManager,
  type Transcript,
  transcriptHash,
} from "../../wire/proof.ts";

/** Key by which an agent proves itself, and what it trusts. */
export interface AgentKey extends ProofParts {
  /** Key that is to replace it, PKCS#8 PEM, and the command that made it; undefined for none. */
  readonly next?: StoredNextKey | undefined;
  /** Keys of others that it trusts; only what is pinned if absent. */
  readonly trust?: AgentTrust | undefined;
  /** Keeps the next key on the disk, or removes it. */
  readonly keepNext: (next: StoredNextKey | undefined) => Promise<void>;
  /** Makes the next key the agent's own, PKCS#8 PEM, and removes it as the next one. */
  readonly adopt: (pem: string) => Promise<void>;
}

/** Key that is to replace an agent's own. */
export interface StoredNextKey {
  readonly pem: string;
  readonly commandId: bigint;
}

/** Parts of the proof of one connection. */
export interface ProofParts
  extends Pick<ProvenManager, "authority" | "serverName"> {
  readonly key: SigningKey;
  /** Key of the Manager that has admitted this key; undefined before. */
  readonly pinned: Uint8Array | undefined;
  /** Other keys that the Manager may have as well; none if absent. */
  readonly alsoTrusted?: readonly Uint8Array[] | undefined;
  /** Key that the Manager must have before it is pinned, told by a join token; undefined for any. */
  readonly expected?: Uint8Array | undefined;
  /** Keeps the Manager's key on the disk, once it has admitted this key. */
  readonly pin: (managerKey: Uint8Array) => Promise<void>;
}

export interface KeyProofOptions extends ProofParts {
  readonly helloNonce: Uint8Array;
  /** Called once the Manager has admitted the key. */
  readonly admitted?: () => Promise<void> | undefined;
}

/** Proof of one connection, in the order of the messages: docs/protocol.md, "Proof of key". */
export class KeyProof {
  readonly #options: KeyProofOptions;
  #hello: ClientHello | undefined;
  #challenge: AuthChallenge | undefined;
  #authority: Uint8Array;

  constructor(options: KeyProofOptions) {
    this.#options = options;
    this.#authority = options.authority;
  }

  /** Notes the authority that has certified the Manager of this connection, by SHA-256 of its public key. */
  certifiedBy(authority: Uint8Array | undefined): void {
    this.#authority = authority ?? this.#authority;
  }

  /** True if this key was admitted before: the hello has no secret, and the Manager must prove its own key. */
  get isAdmitted(): boolean {
    return this.#options.pinned !== undefined;
  }

  /** True if both sides have proven their keys, as far as this side can tell. */
  get isDone(): boolean {
    return this.#challenge !== undefined;
  }

  /** The key that is proven. */
  get publicKey(): Uint8Array {
    return this.#options.key.publicKey;
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
    const { key, serverName, expected, alsoTrusted = [] } = this.#options;
    const authority = this.#authority;
    const pinned = this.#options.pinned ?? expected;
    const isTrusted = (known: Uint8Array) => sameHash(known, managerKey);
    const { nonce, managerKey, managerId, signature } = challenge;
    if (
      pinned !== undefined && !isTrusted(pinned) && !alsoTrusted.some(isTrusted)
    ) {
      throw violation(
        "accept the challenge",
        `it is signed by ${
          fingerprint(managerKey)
        }, and this agent's Manager has the key ${fingerprint(pinned)}`,
      );
    }
    const { hasIdentities } = dialectOfManager(managerId);
    if (nonce.length !== NONCE_BYTES || !hasIdentities) {
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
    const { admitted, pin } = this.#options;
    return both(
      this.isAdmitted ? undefined : pin(challenge.managerKey),
      admitted?.(),
    );
  }
}

function violation(attempt: string, reason: string): PiriError {
  return new PiriError("PROTOCOL_VIOLATION", `Cannot ${attempt}: ${reason}`);
}

/** Waits for what is under way; undefined for nothing. */
function both(
  one: Promise<void> | undefined,
  other: Promise<void> | undefined,
): Promise<void> | undefined {
  return one === undefined ? other : one.then(() => other);
}
