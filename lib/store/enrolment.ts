import { PiriError } from "../base/errors.ts";
import { sameHash } from "../base/secret.ts";
import { sha256 } from "../base/sha256.ts";
import { HAS_COMMANDS } from "./agent_commands.ts";
import type { Agents } from "./agents.ts";
import type { Database } from "./database.ts";
import type {
  EnrolmentChange,
  EnrolmentRecords,
  Join,
  JoinTokenRecord,
  NewHost,
  PendingAgentRecord,
} from "./enrolment_records.ts";
import type { AgentRecord } from "./records.ts";
import { blob, flag, int, json, nullable, Shape, text, word } from "./shape.ts";

/** Most hosts that wait at the same time. */
export const MAX_PENDING = 1_000;

/** Time after which a host that waits, or was rejected, is forgotten, in milliseconds since its latest hello. */
export const PENDING_MS = 7 * 86_400_000;

const tokenShape = new Shape<JoinTokenRecord>({
  id: int,
  hash: blob,
  uses: int,
  used: int,
  groups: json(),
  name: text,
  cidrs: json(),
  approve: flag,
  createdBy: text,
  createdAt: int,
  expiresAt: int,
  revokedAt: nullable(int),
});

const pendingShape = new Shape<PendingAgentRecord>({
  name: text,
  publicKey: blob,
  token: int,
  state: word(),
  reason: text,
  address: text,
  version: text,
  facts: json(),
  askedAt: int,
  lastAt: int,
});

/** Tables of join tokens, of hosts that wait to be accepted, and of revoked keys. */
export class Enrolment {
  readonly #db: Database;
  readonly #agents: Agents;

  constructor(db: Database, agents: Agents) {
    this.#db = db;
    this.#agents = agents;
  }

  /** All tokens by number, and the waiting hosts by name. */
  all(): EnrolmentRecords {
    return {
      tokens: this.#db.all(
        `SELECT ${tokenShape.list} FROM join_tokens ORDER BY id`,
      ).map((row) => tokenShape.record(row)),
      pending: this.#db.all(
        `SELECT ${pendingShape.list} FROM pending_agents ORDER BY name, asked_at`,
      ).map((row) => pendingShape.record(row)),
    };
  }

  /** The token of this hash; undefined for none. */
  token(hash: Uint8Array): JoinTokenRecord | undefined {
    const row = this.#db.get(
      `SELECT ${tokenShape.list} FROM join_tokens WHERE hash = ?`,
      hash,
    );
    return row && tokenShape.record(row);
  }

  /** The token of this hash, and if an agent of this name was there before; undefined for no such token. */
  tokenFor(
    hash: Uint8Array,
    name: string,
  ): { token: JoinTokenRecord; isNameUsed: boolean } | undefined {
    const token = this.token(hash);
    return token && { token, isNameUsed: this.#isNameUsed(name) };
  }

  /** True if a command was made for an agent of this name, or an agent of this name was removed. */
  #isNameUsed(name: string): boolean {
    return this.#db.get(
      `${HAS_COMMANDS}
       UNION ALL SELECT 1 FROM tombstones WHERE agent = ?1 LIMIT 1`,
      name,
    ) !== undefined;
  }

  /** @throws {PiriError} NOT_FOUND, FAILED_PRECONDITION */
  change(change: EnrolmentChange): void {
    switch (change.kind) {
      case "addToken": {
        const columns = [
          "hash",
          "uses",
          "groups",
          "name",
          "cidrs",
          "approve",
          "createdBy",
          "createdAt",
          "expiresAt",
        ] as const;
        this.#db.run(
          `INSERT INTO join_tokens (hash, uses, groups, name, cidrs, approve, created_by, created_at, expires_at)
           VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
          ...tokenShape.cells(change.token, columns),
        );
        return;
      }
      case "revokeToken":
        return this.#revokeToken(change);
      case "decide": {
        const { changes } = this.#db.run(
          "UPDATE pending_agents SET state = ?, reason = ? WHERE name = ? AND public_key = ?",
          change.state,
          change.reason,
          change.name,
          change.publicKey,
        );
        if (changes === 0) {
          throw new PiriError(
            "NOT_FOUND",
            `Cannot decide about "${change.name}": no host of that name waits`,
          );
        }
      }
    }
  }

  #revokeToken({ id, at }: { id: number; at: number }): void {
    const row = this.#db.get(
      `SELECT ${tokenShape.list} FROM join_tokens WHERE id = ?`,
      id,
    );
    const attempt = `Cannot revoke the join token ${id}`;
    if (row === undefined) {
      throw new PiriError("NOT_FOUND", `${attempt}: there is none`);
    }
    if (tokenShape.record(row).revokedAt !== null) {
      throw new PiriError("FAILED_PRECONDITION", `${attempt}: it is revoked`);
    }
    this.#db.run(
      "UPDATE join_tokens SET revoked_at = ? WHERE id = ?",
      Math.trunc(at),
      id,
    );
  }

  /** Notes the key of an agent that is revoked: it never joins again. */
  revokeKey(publicKey: Uint8Array, agent: string, at: number): void {
    this.#db.run(
      "INSERT OR IGNORE INTO revoked_keys (hash, agent, revoked_at) VALUES (?, ?, ?)",
      sha256(publicKey),
      agent,
      Math.trunc(at),
    );
  }

  /** True if this key was an agent's that is revoked. */
  isRevoked(publicKey: Uint8Array): boolean {
    return this.#db.get(
      "SELECT 1 FROM revoked_keys WHERE hash = ?",
      sha256(publicKey),
    ) !== undefined;
  }

  /**
   * Lets a host in, and counts the use of its token. The same host with the same key succeeds again, and uses nothing.
   *
   * @returns The agent, and if it is new; or the host that waits.
   * @throws {PiriError} AUTH_FAILED: no such token. DENIED: the reason may be told to who has the token.
   */
  join(
    host: NewHost,
  ): Join {
    const { name, publicKey } = host;
    const token = this.token(host.tokenHash);
    if (token === undefined) {
      throw new PiriError(
        "AUTH_FAILED",
        `Cannot join as "${name}": the token is not known here`,
      );
    }
    if (this.isRevoked(publicKey)) {
      throw denied(name, "the key of this host was revoked");
    }
    const known = this.#agents.get(name);
    if (known !== undefined) {
      if (known.publicKey === null || !sameHash(known.publicKey, publicKey)) {
        throw denied(
          name,
          "there is an agent of that name, and it has another key",
        );
      }
      return { agent: known, isNew: false };
    }
    const twin = this.#agents.twinOf(name);
    if (twin !== undefined) {
      throw denied(
        name,
        `there is "${twin}", and names may not differ only in upper and lower case`,
      );
    }
    if (!token.approve) {
      this.#requireGood(token, host);
      return { agent: this.#add(host, token), isNew: true };
    }
    const { pending, isNew } = this.#wait(host, token);
    if (pending.state === "rejected") {
      throw denied(name, `it was rejected: ${pending.reason}`);
    }
    if (token.revokedAt !== null) this.#requireGood(token, host);
    // Whoever accepts a host accepts it although its token has expired meanwhile.
    return pending.state === "waiting"
      ? { pending, isNew }
      : { agent: this.#add(host, token), isNew: true };
  }

  #requireGood(
    { id, uses, used, expiresAt, revokedAt }: JoinTokenRecord,
    { name, at }: NewHost,
  ): void {
    if (revokedAt !== null) throw denied(name, `the token ${id} was revoked`);
    if (at >= expiresAt) {
      throw denied(
        name,
        `the token ${id} expired at ${new Date(expiresAt).toISOString()}`,
      );
    }
    if (used >= uses) {
      throw denied(name, `the token ${id} was used ${used} times of ${uses}`);
    }
  }

  /** The host as it waits. It begins to if it is new. */
  #wait(
    host: NewHost,
    token: JoinTokenRecord,
  ): { pending: PendingAgentRecord; isNew: boolean } {
    const { name, publicKey, at } = host;
    this.#db.run(
      "DELETE FROM pending_agents WHERE last_at < ?",
      Math.trunc(at - PENDING_MS),
    );
    const row = this.#db.get(
      `SELECT ${pendingShape.list} FROM pending_agents WHERE name = ? AND public_key = ?`,
      name,
      publicKey,
    );
    if (row !== undefined) {
      this.#db.run(
        "UPDATE pending_agents SET last_at = ?, address = ?, token = ? WHERE name = ? AND public_key = ?",
        Math.trunc(at),
        host.address,
        token.id,
        name,
        publicKey,
      );
      return { pending: pendingShape.record(row), isNew: false };
    }
    this.#requireGood(token, host);
    const { n } = this.#db.get("SELECT count(*) AS n FROM pending_agents") ??
      {};
    if (Number(n) >= MAX_PENDING) {
      throw denied(name, `${MAX_PENDING} hosts wait to be accepted already`);
    }
    const pending: PendingAgentRecord = {
      ...host,
      token: token.id,
      state: "waiting",
      reason: "",
      askedAt: at,
      lastAt: at,
    };
    this.#db.run(
      `INSERT INTO pending_agents (name, public_key, token, state, reason, address, version, facts, asked_at, last_at)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      ...pendingShape.cells(pending, [
        "name",
        "publicKey",
        "token",
        "state",
        "reason",
        "address",
        "version",
        "facts",
        "askedAt",
        "lastAt",
      ]),
    );
    return { pending, isNew: true };
  }

  #add(host: NewHost, token: JoinTokenRecord): AgentRecord {
    const { name, publicKey, secretHash, at } = host;
    this.#agents.add({
      id: name,
      groups: token.groups,
      cidrs: token.cidrs,
      addedAt: at,
      secretHash,
    });
    this.#agents.setKey(name, publicKey);
    this.#db.run(
      "UPDATE join_tokens SET used = used + 1 WHERE id = ?",
      token.id,
    );
    this.#db.run("DELETE FROM pending_agents WHERE name = ?", name);
    const agent = this.#agents.get(name);
    if (agent === undefined) throw new Error("the agent was just added");
    return agent;
  }
}

/** Refusal whose reason may be told: whoever hears it has the token. */
function denied(name: string, reason: string): PiriError {
  return new PiriError("DENIED", `Cannot join as "${name}": ${reason}`);
}
