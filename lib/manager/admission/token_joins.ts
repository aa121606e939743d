import {
  Bye_Code,
  type ClientHello,
} from "../../../proto/gen/piri/agent/v1/agent_messages.ts";
import { type Address, formatAddress } from "../../base/address.ts";
import { codeOf, messageOf, PiriError } from "../../base/errors.ts";
import { isFrom } from "../../base/network.ts";
import { hashSecret } from "../../base/secret.ts";
import { fingerprint } from "../../base/signing_key.ts";
import type { JoinTokenRecord } from "../../store/enrolment_records.ts";
import type { AgentRecord } from "../../store/records.ts";
import { Glob } from "../../targets/glob.ts";
import { isReservedName } from "../../targets/reserved_names.ts";
import { Refusal } from "../../wire/connection.ts";
import type { Denial } from "../api/audit_api.ts";
import { auditEntry } from "../audit/audit_entry.ts";
import type { ManagerParts } from "../manager_parts.ts";
import { namedBy, type NamingParts } from "./awaited_names.ts";
import type { RefusedHellos } from "./refused_hellos.ts";

/** Time after which a host that waits asks again, in milliseconds. */
const ASK_AGAIN_MS = 10_000;

/** Act of a host that joins, in the audit. */
const JOIN = "Join";

export interface TokenJoinsOptions extends ManagerParts, NamingParts {
  /** Records in the audit that something was denied. */
  readonly denied: (denial: Denial) => void;
}

/** Host that joins by a token. */
export interface JoiningHost {
  readonly hello: ClientHello;
  readonly secretHash: Uint8Array;
  /** Key that it has proven; undefined for none. */
  readonly key: Uint8Array | undefined;
  readonly peer: Address;
  /** True if there is no agent of its name. */
  readonly isNew: boolean;
}

/** Joins by tokens for many hosts: docs/protocol.md, "Joining". */
export class TokenJoins {
  readonly #options: TokenJoinsOptions;
  readonly #refused: RefusedHellos;

  constructor(options: TokenJoinsOptions, refused: RefusedHellos) {
    this.#options = options;
    this.#refused = refused;
  }

  /**
   * Lets a host in by its token.
   *
   * @returns Its entry, and if that is new; undefined if there is no such token.
   * @throws {PiriError} AUTH_FAILED: the host is told the reason
   */
  async join(
    host: JoiningHost,
  ): Promise<{ record: AgentRecord; joined: boolean } | undefined> {
    const { hello, peer } = host;
    const { clientId: name } = hello;
    const tokenHash = hashSecret(hello.joinToken);
    const { store, events, fleet } = this.#options;
    const found = await store.joinToken(tokenHash, name);
    if (found === undefined) return undefined;
    const { token } = found;
    try {
      const key = await this.#require(host, found);
      const joined = await store.joinAgent({
        name,
        tokenHash,
        publicKey: key,
        secretHash: host.secretHash,
        address: peer.host,
        version: hello.agentVersion,
        facts: hello.facts,
        at: this.#options.clock.now(),
      }, this.#audit(host, token));
      if ("pending" in joined) {
        if (joined.isNew) {
          events.add(
            "agent_pending",
            `a host at ${formatAddress(peer)} with the key ${
              fingerprint(key)
            } asks to join as "${name}"`,
            { agent: name },
          );
        }
        throw new Refusal(
          "AUTH_FAILED",
          `Cannot admit "${name}": it waits to be accepted`,
          ASK_AGAIN_MS,
          {
            code: Bye_Code.PENDING,
            reason: `"${name}" waits to be accepted`,
          },
        );
      }
      if (joined.isNew) {
        fleet.known++;
        events.add(
          "agent_joined",
          `agent "${name}" joined from ${
            formatAddress(peer)
          } by the token ${token.id}`,
          { agent: name },
        );
      }
      return { record: joined.agent, joined: joined.isNew };
    } catch (error) {
      if (codeOf(error) !== "DENIED") throw error;
      throw this.#turnedAway(host, token, messageOf(error));
    }
  }

  /**
   * Checks what the token says of the host. Returns its key.
   *
   * @throws {PiriError} DENIED
   */
  async #require(
    { hello: { clientId: name }, key, peer, isNew }: JoiningHost,
    { token, isNameUsed }: { token: JoinTokenRecord; isNameUsed: boolean },
  ): Promise<Uint8Array> {
    const denied = (reason: string) =>
      new PiriError("DENIED", `Cannot join as "${name}": ${reason}`);
    if (key === undefined) {
      throw denied(
        "this token takes hosts that prove a key, and this version of the agent proves none",
      );
    }
    if (token.name !== "" && !new Glob(token.name).matches(name)) {
      throw denied(`this token is for names like "${token.name}"`);
    }
    if (isReservedName(name)) {
      throw denied("that is a word of target expressions");
    }
    if (!isFrom(token.cidrs, peer.host)) {
      throw denied(`${peer.host} is not in ${token.cidrs.join(" or ")}`);
    }
    if (isNew && token.name === "" && !token.approve) {
      const known = isNameUsed
        ? "an agent of that name was here before"
        : await namedBy(name, this.#options);
      if (known !== undefined) {
        throw denied(
          `${known}; it takes a token that is for this name, or one whose hosts somebody accepts`,
        );
      }
    }
    return key;
  }

  /** Records a refusal, and makes the error that tells the host. */
  #turnedAway(
    { hello: { clientId: name }, peer, isNew }: JoiningHost,
    token: JoinTokenRecord,
    reason: string,
  ): PiriError {
    this.#options.counters.add("auth_failures");
    this.#refused.add({
      name,
      isKnown: !isNew,
      host: peer.host,
      text: `"${name}" was turned away from ${formatAddress(peer)}: ${reason}`,
    });
    this.#options.denied({
      who: name,
      credential: credentialOf(token),
      origin: peer.host,
      act: JOIN,
      on: [name],
      operation: "",
      rule: "",
      reason,
    });
    return new Refusal("AUTH_FAILED", reason, 0, {
      code: Bye_Code.AUTH_FAILED,
      reason,
    });
  }

  #audit({ hello, key, peer }: JoiningHost, token: JoinTokenRecord) {
    const { clientId: name } = hello;
    return auditEntry(
      {
        act: JOIN,
        on: [name],
        statement: {
          name,
          fingerprint: key === undefined ? "" : fingerprint(key),
        },
      },
      {
        requestedBy: name,
        credential: credentialOf(token),
        origin: peer.host,
      },
      this.#options.clock,
    );
  }
}

/** Evidence of a host that joins, for the audit. */
function credentialOf({ id }: JoinTokenRecord): string {
  return `join token ${id}`;
}
