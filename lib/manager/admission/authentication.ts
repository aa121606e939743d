import type { ClientHello } from "../../../proto/gen/piri/agent/v1/agent_messages.ts";
import { type Address, formatAddress } from "../../base/address.ts";
import { PiriError } from "../../base/errors.ts";
import { hashSecret, sameHash } from "../../base/secret.ts";
import type { AgentRecord } from "../../store/records.ts";
import { Refusal } from "../../wire/connection.ts";
import { dialectOfAgent } from "../../wire/dialect.ts";
import type { ManagerParts } from "../manager_parts.ts";
import { inNetworks, parseNetwork } from "./network.ts";
import type { RefusedHellos } from "./refused_hellos.ts";
import { REMOVED } from "./removed.ts";

/** An agent with the right secret, in one of its networks. */
export interface Authenticated {
  readonly record: AgentRecord;
  /** True if the agent has used its token with this hello. */
  readonly joined: boolean;
}

/** Checks the secret and the network of agents: protocol.md section 6. */
export class Authentication {
  readonly #parts: ManagerParts;
  readonly #refused: RefusedHellos;

  constructor(parts: ManagerParts, refused: RefusedHellos) {
    this.#parts = parts;
    this.#refused = refused;
  }

  /**
   * Checks a hello, and enrols the agent if it has a join token.
   *
   * @throws {PiriError} AUTH_FAILED, after operators were told the reason
   */
  async check(hello: ClientHello, peer: Address): Promise<Authenticated> {
    const secretHash = hashSecret(hello.auth);
    const { record, joined } = hello.joinToken === ""
      ? { record: await this.#parts.store.agent(hello.clientId), joined: false }
      : await this.#enrol(hello, secretHash, peer);
    const known = record?.secretHash ?? new Uint8Array(32);
    // Compared even without a known secret: the time must not tell if the agent exists.
    const same = sameHash(known, secretHash);
    if (!same || record === undefined || record.secretHash === null) {
      throw await this.#removed(hello, secretHash, peer) ??
        this.#turnedAway(hello, peer, {
          isKnown: record !== undefined,
          why: whyRefused(hello, record),
        });
    }
    this.#checkNetwork(record, hello, peer);
    return { record, joined };
  }

  async #enrol(
    hello: ClientHello,
    secretHash: Uint8Array,
    peer: Address,
  ): Promise<Authenticated> {
    const before = await this.#parts.store.agent(hello.clientId);
    // The address is checked before the token is used up.
    if (before !== undefined) this.#checkNetwork(before, hello, peer);
    try {
      const record = await this.#parts.store.enrolAgent(hello.clientId, {
        tokenHash: hashSecret(hello.joinToken),
        secretHash,
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
      throw await this.#removed(hello, secretHash, peer) ??
        this.#turnedAway(hello, peer, {
          isKnown: before !== undefined,
          why: before === undefined ? unknownName(hello) : error.message,
        });
    }
  }

  /** Refusal of an agent that proves that it was removed. Everybody else only learns that the authentication failed. */
  async #removed(
    hello: ClientHello,
    secretHash: Uint8Array,
    peer: Address,
  ): Promise<PiriError | undefined> {
    const { store, counters, events } = this.#parts;
    const name = hello.clientId;
    const removedAt = await store.removedAt(name, secretHash);
    if (removedAt === undefined || !dialectOfAgent(hello).hasIdentities) {
      return undefined;
    }
    const address = formatAddress(peer);
    const when = new Date(removedAt).toISOString();
    counters.add("removed_hellos");
    events.add(
      "agent_refused",
      `"${name}" was turned away from ${address}: it was removed at ${when}`,
      { agent: name },
    );
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
    if (mayConnect(record, peer)) return;
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

/** The reason for operators. The peer itself hears the same in all cases. */
function whyRefused(
  hello: ClientHello,
  record: AgentRecord | undefined,
): string {
  if (record === undefined) return unknownName(hello);
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

/** True if the agent may connect from this address. */
function mayConnect({ cidrs }: AgentRecord, { host }: Address): boolean {
  return cidrs.length === 0 ||
    inNetworks(cidrs.map(parseNetwork), host);
}
