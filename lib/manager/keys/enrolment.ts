import { type Asker, askerText, NOBODY } from "../../base/asker.ts";
import { PiriError } from "../../base/errors.ts";
import { encodeJoinToken } from "../../base/join_token.ts";
import { parseNetwork } from "../../base/network.ts";
import { hashSecret, newSecret } from "../../base/secret.ts";
import { fingerprint } from "../../base/signing_key.ts";
import type { PendingAgentRecord } from "../../store/enrolment_records.ts";
import { requireName } from "../agents/agent_names.ts";
import type { ManagerIdentity } from "../agents/agents.ts";
import { auditEntry } from "../audit/audit_entry.ts";
import type {
  EnrolmentAdmin,
  JoinTokenView,
  NewJoinToken,
  PendingAgentView,
} from "../api/enrolment_api.ts";
import type { ManagerParts } from "../manager_parts.ts";

/** Most uses of one token. */
export const MAX_USES = 100_000;

/** Longest pattern of names, in characters. */
const MAX_PATTERN = 200;

/** Characters of a pattern of names. */
const PATTERN = /^[A-Za-z0-9._*?-]*$/;

export interface EnrolmentsOptions extends ManagerParts {
  readonly identity: ManagerIdentity;
  /** Public key of this Manager, which joining hosts expect; undefined for a Manager without one. */
  readonly managerKey: () => Uint8Array<ArrayBuffer> | undefined;
}

/** Join tokens and waiting hosts, for those who decide about them. */
export class Enrolments implements EnrolmentAdmin {
  readonly #options: EnrolmentsOptions;

  constructor(options: EnrolmentsOptions) {
    this.#options = options;
  }

  async createToken(
    token: NewJoinToken,
    asker: Asker = NOBODY,
  ): Promise<{ id: number; token: string }> {
    checkToken(token);
    const { store, random, clock, identity, events } = this.#options;
    const managerKey = this.#options.managerKey();
    if (managerKey === undefined) {
      throw new PiriError(
        "FAILED_PRECONDITION",
        "Cannot make a join token: this Manager has no key",
      );
    }
    const secret = newSecret(random);
    const hash = hashSecret(secret);
    const { expiresInMs, ...bounds } = token;
    const createdAt = clock.now();
    const expiresAt = createdAt + expiresInMs;
    const createdBy = askerText(asker);
    const { tokens } = await store.changeEnrolment(
      {
        kind: "addToken",
        token: { ...bounds, hash, createdBy, createdAt, expiresAt },
      },
      this.#audit("CreateToken", token.name || "any name", asker, { ...token }),
    );
    const id = tokens.at(-1)?.id ?? 0;
    events.add(
      "agent_token",
      `the join token ${id} was made by ${createdBy}: ${usesText(token)}`,
    );
    return { id, token: encodeJoinToken({ secret, managerKey, ...identity }) };
  }

  async tokens(): Promise<JoinTokenView[]> {
    const { tokens } = await this.#options.store.enrolment();
    return tokens.map(({ hash: _kept, ...shown }) => shown);
  }

  async revokeToken(id: number, asker: Asker = NOBODY): Promise<void> {
    const { store, clock, events } = this.#options;
    await store.changeEnrolment(
      { kind: "revokeToken", id, at: clock.now() },
      this.#audit("RevokeJoinToken", String(id), asker),
    );
    events.add(
      "agent_token",
      `the join token ${id} was revoked by ${askerText(asker)}`,
    );
  }

  async pending(): Promise<PendingAgentView[]> {
    return [...(await this.#options.store.enrolment()).pending];
  }

  accept(
    name: string,
    key?: string,
    asker: Asker = NOBODY,
  ): Promise<PendingAgentView> {
    return this.#decide({ name, key, reason: "", asker, state: "accepted" });
  }

  reject(
    name: string,
    { reason, fingerprint: key }: Parameters<EnrolmentAdmin["reject"]>[1],
    asker: Asker = NOBODY,
  ): Promise<PendingAgentView> {
    return this.#decide({ name, key, reason, asker, state: "rejected" });
  }

  async #decide({ name, key, reason, asker, state }: {
    name: string;
    key: string | undefined;
    reason: string;
    asker: Asker;
    state: "accepted" | "rejected";
  }): Promise<PendingAgentView> {
    const { store, events } = this.#options;
    const { pending } = await store.enrolment();
    const attempt = state === "accepted" ? "accept" : "reject";
    const host = choose(attempt, pending.filter((each) => each.name === name), {
      name,
      key,
    });
    const shown = fingerprint(host.publicKey);
    const act = state === "accepted" ? "AcceptAgent" : "RejectAgent";
    await store.changeEnrolment(
      { kind: "decide", name, publicKey: host.publicKey, state, reason },
      this.#audit(act, name, asker, { name, fingerprint: shown, reason }),
    );
    const why = reason === "" ? "" : `: ${reason}`;
    events.add(
      "agent_pending",
      `the host with the key ${shown} that asks to join as "${name}" was ${state} by ${
        askerText(asker)
      }${why}`,
      { agent: name },
    );
    return { ...host, state, reason };
  }

  #audit(
    act: string,
    on: string,
    asker: Asker,
    statement?: Readonly<Record<string, unknown>>,
  ) {
    return auditEntry(
      { act, on: [on], ...statement === undefined ? {} : { statement } },
      asker,
      this.#options.clock,
    );
  }
}

/** The only host that is meant. */
function choose(
  attempt: string,
  hosts: readonly PendingAgentRecord[],
  { name, key }: { name: string; key: string | undefined },
): PendingAgentRecord {
  const meant = hosts.filter(({ publicKey }) =>
    key === undefined || fingerprint(publicKey) === key
  );
  const [host] = meant;
  if (host === undefined) {
    throw new PiriError(
      "NOT_FOUND",
      key === undefined || hosts.length === 0
        ? `Cannot ${attempt} "${name}": no host of that name waits`
        : `Cannot ${attempt} "${name}": no host of that name that waits has the key ${key}`,
    );
  }
  if (meant.length > 1) {
    throw new PiriError(
      "FAILED_PRECONDITION",
      `Cannot ${attempt} "${name}": ${meant.length} hosts ask for that name; name one by its fingerprint`,
    );
  }
  // A host that was rejected may be accepted all the same.
  if (attempt === "accept" && host.state === "accepted") {
    throw new PiriError(
      "FAILED_PRECONDITION",
      `Cannot accept "${name}": it is accepted, and joins when it asks again`,
    );
  }
  return host;
}

function usesText({ uses, name }: NewJoinToken): string {
  const most = uses === 1 ? "1 use" : `${uses} uses`;
  return name === "" ? most : `${most}, for names like "${name}"`;
}

function checkToken(
  { uses, expiresInMs, groups, name, cidrs }: NewJoinToken,
): void {
  for (const group of groups) requireName("a group", group);
  for (const cidr of cidrs) parseNetwork(cidr);
  if (!Number.isInteger(uses) || uses < 1 || uses > MAX_USES) {
    throw refuse(`its uses should be from 1 to ${MAX_USES}`);
  }
  if (expiresInMs <= 0) throw refuse("it would have expired already");
  if (name.length > MAX_PATTERN || !PATTERN.test(name)) {
    throw refuse(
      `"${name}" is not a pattern of names: letters, digits, ".", "_", "-", "*" and "?"`,
    );
  }
}

function refuse(reason: string): PiriError {
  return new PiriError(
    "INVALID_ARGUMENT",
    `Cannot make a join token: ${reason}`,
  );
}
