import type { ClientHello } from "../../../proto/gen/piri/agent/v1/agent_messages.ts";
import { type Address, formatAddress } from "../../base/address.ts";
import { PiriError } from "../../base/errors.ts";
import { isFrom } from "../../base/network.ts";
import { hashSecret, sameHash } from "../../base/secret.ts";
import { sha256 } from "../../base/sha256.ts";
import { PUBLIC_KEY_BYTES } from "../../base/signing_key.ts";
import type { AgentRecord, NewKey } from "../../store/records.ts";
import { Refusal } from "../../wire/connection.ts";
import { dialectOfAgent } from "../../wire/dialect.ts";
import type { RefusedHellos } from "./refused_hellos.ts";
import { REMOVED } from "./removed.ts";
import { TokenJoins, type TokenJoinsOptions } from "./token_joins.ts";

/** An agent with the right key or secret, in one of its networks. */
export interface Authenticated {
  readonly record: AgentRecord;
  /** True if the agent has used its token with this hello. */
  readonly joined: boolean;
  /** True if both keys were proven on this connection. */
  readonly isProven: boolean;
  /** The agent's key, if it is to be recorded with this hello. */
  readonly newKey?: NewKey | undefined;
  /** The agent's next key, if it has proven that: it replaces the former one. */
  readonly nextKey?: Uint8Array | undefined;
}

/** Proofs of who an agent is: those of its hello, and of its answer to the challenge. */
interface Claim {
  readonly secretHash: Uint8Array;
  /** The key of the hello, if it was proven. */
  readonly key: Uint8Array | undefined;
}

/** Compared where nothing is known: the time must not tell if the agent exists. */
const NOTHING = new Uint8Array(PUBLIC_KEY_BYTES);

/** Checks the key or secret and the network of agents: protocol.md section 6. */
export class Authentication {
  readonly #parts: TokenJoinsOptions;
  readonly #joins: TokenJoins;
  readonly #refused: RefusedHellos;

  constructor(parts: TokenJoinsOptions, refused: RefusedHellos) {
    this.#parts = parts;
    this.#joins = new TokenJoins(parts, refused);
    this.#refused = refused;
  }

  /**
   * Checks a hello, and enrols the agent if it has a join token. Who has a key is not admitted by a secret again.
   *
   * @param isProven True if the agent has proven the key of its hello, false if it has tried
   * @throws {PiriError} AUTH_FAILED, after operators were told the reason
   */
  async check(
    hello: ClientHello,
    peer: Address,
    isProven?: boolean,
  ): Promise<Authenticated> {
    const claim: Claim = {
      secretHash: hashSecret(hello.auth),
      key: isProven ? hello.publicKey : undefined,
    };
    const found = hello.joinToken === "" || isProven === false
      ? { record: await this.#parts.store.agent(hello.clientId), joined: false }
      : await this.#enrol(hello, claim, peer);
    const { record } = found;
    if (
      record === undefined || isProven === false ||
      record.revokedAt !== null || !isOf(record, claim)
    ) {
      // Both are compared for any name.
      if (record === undefined) isOf(NOBODY, claim);
      throw await this.#removed(hello, claim, peer) ??
        this.#turnedAway(hello, peer, {
          isKnown: record !== undefined,
          why: whyRefused(hello, record, isProven),
        });
    }
    this.#checkNetwork(record, hello, peer);
    const { key: publicKey, secretHash } = claim;
    return {
      record,
      joined: found.joined,
      isProven: publicKey !== undefined,
      newKey: publicKey === undefined || record.publicKey !== null
        ? undefined
        : { publicKey, secretHash },
      nextKey: publicKey !== undefined && isNext(record, claim)
        ? publicKey
        : undefined,
    };
  }

  async #enrol(
    hello: ClientHello,
    claim: Claim,
    peer: Address,
  ): Promise<Pick<Authenticated, "record" | "joined">> {
    const before = await this.#parts.store.agent(hello.clientId);
    // The address is checked before the token is used up.
    if (before !== undefined) this.#checkNetwork(before, hello, peer);
    const tokenHash = hashSecret(hello.joinToken);
    if (!sameHash(before?.tokenHash ?? NOTHING, tokenHash)) {
      const { key, secretHash } = claim;
      const isNew = before === undefined;
      const found = await this.#joins.join(
        { hello, key, secretHash, peer, isNew },
      );
      if (found !== undefined) return found;
    }
    try {
      const record = await this.#parts.store.enrolAgent(hello.clientId, {
        tokenHash,
        secretHash: claim.secretHash,
        publicKey: claim.key,
        at: this.#parts.clock.now(),
      });
      const joined = before !== undefined && before.tokenUsedWith === null;
      if (joined) {
        this.#parts.events.add(
          "agent_joined",
          `agent "${hello.clientId}" joined from ${formatAddress(peer)}`,
          { agent: hello.clientId },
        );
      }
      return { record, joined };
    } catch (error) {
      if (!(error instanceof PiriError) || error.code !== "AUTH_FAILED") {
        throw error;
      }
      throw await this.#removed(hello, claim, peer) ??
        this.#turnedAway(hello, peer, {
          isKnown: before !== undefined,
          why: before === undefined ? unknownName(hello) : error.message,
        });
    }
  }

  /** Refusal of an agent that proves that it was removed. Everybody else only learns that the authentication failed. */
  async #removed(
    hello: ClientHello,
    { secretHash, key }: Claim,
    peer: Address,
  ): Promise<PiriError | undefined> {
    const { store, counters } = this.#parts;
    const name = hello.clientId;
    const byKey = key && await store.removedAt(name, sha256(key));
    const removedAt = byKey ?? await store.removedAt(name, secretHash);
    if (removedAt === undefined || !dialectOfAgent(hello).hasIdentities) {
      return undefined;
    }
    const address = formatAddress(peer);
    const when = new Date(removedAt).toISOString();
    counters.add("removed_hellos");
    this.#refused.add({
      name,
      isKnown: true,
      host: peer.host,
      text:
        `"${name}" was turned away from ${address}: it was removed at ${when}`,
    });
    return new Refusal(
      "AUTH_FAILED",
      `Cannot admit "${name}" from ${address}: it was removed at ${when}`,
      REMOVED.retryAfterMs,
      REMOVED,
    );
  }

  #checkNetwork(
    record: AgentRecord,
    hello: ClientHello,
    peer: Address,
  ): void {
    if (isFrom(record.cidrs, peer.host)) return;
    throw this.#turnedAway(hello, peer, {
      isKnown: true,
      why: "it may not connect from this address",
    });
  }

  #turnedAway(
    { clientId: name }: ClientHello,
    peer: Address,
    { isKnown, why }: { isKnown: boolean; why: string },
  ): PiriError {
    const address = formatAddress(peer);
    this.#parts.counters.add("auth_failures");
    this.#refused.add({
      name,
      isKnown,
      host: peer.host,
      text: `"${name}" was turned away from ${address}: ${why}`,
    });
    return new PiriError(
      "AUTH_FAILED",
      `Cannot admit "${name}" from ${address}: ${why}`,
    );
  }
}

/** An entry of no agent. */
const NOBODY = { secretHash: null, publicKey: null, nextKey: null } as const;

type Proofs = Pick<AgentRecord, "secretHash" | "publicKey" | "nextKey">;

/** True if the claim is that of this agent. Takes the same time for any agent. */
function isOf(proofs: Proofs, claim: Claim): boolean {
  const { secretHash, publicKey } = proofs;
  if (isNext(proofs, claim)) return true;
  const isSecret = sameHash(secretHash ?? NOTHING, claim.secretHash);
  const isKey = sameHash(publicKey ?? NOTHING, claim.key ?? NOTHING);
  return publicKey === null
    ? secretHash !== null && isSecret
    : claim.key !== undefined && isKey;
}

/** True if the claim is the key that is to replace that of this agent. */
function isNext({ nextKey }: Proofs, { key }: Claim): boolean {
  const isSame = sameHash(nextKey ?? NOTHING, key ?? NOTHING);
  return nextKey !== null && key !== undefined && isSame;
}

/** The reason for operators. The peer itself hears the same in all cases. */
function whyRefused(
  hello: ClientHello,
  record: AgentRecord | undefined,
  isProven: boolean | undefined,
): string {
  if (record === undefined) return unknownName(hello);
  if (record.revokedAt !== null) {
    return `it was revoked at ${new Date(record.revokedAt).toISOString()}`;
  }
  if (isProven === false) return "it did not prove the key that it claims";
  if (record.publicKey !== null) {
    return isProven
      ? `it has another key than "${record.id}"; if the host is new, let it join by "piri-manager agent token ${record.id}"`
      : `it sent a secret, and "${record.id}" has a key; if its version is older, let it join by "piri-manager agent token ${record.id}"`;
  }
  return record.secretHash === null
    ? `it has not joined yet, and sent no join token; make a new one by "piri-manager agent token ${record.id}"`
    : "its secret is wrong";
}

function unknownName(hello: ClientHello): string {
  const legacy = dialectOfAgent(hello).hasIdentities
    ? ""
    : " --secret-file FILE";
  return `there is no agent of that name; add it by "piri-manager agent add ${hello.clientId}${legacy}"`;
}
