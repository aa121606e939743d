import { PiriError } from "../base/errors.ts";
import { sameHash } from "../base/secret.ts";
import type { Database } from "./database.ts";
import type { AgentChange, AgentRecord, ToldKeys } from "./records.ts";
import {
  big,
  blob,
  flag,
  int,
  json,
  nullable,
  Shape,
  text,
  unsigned,
} from "./shape.ts";

/** Columns of an agent. */
export const agentShape = new Shape<AgentRecord>({
  id: text,
  groups: json(),
  cidrs: json(),
  addedAt: int,
  secretHash: nullable(blob),
  publicKey: nullable(blob),
  nextKey: nullable(blob),
  trust: nullable(json()),
  tokenHash: nullable(blob),
  tokenExpiresAt: nullable(int),
  tokenUsedWith: nullable(blob),
  instance: nullable(text),
  session: unsigned,
  lastCommandId: big,
  protocol: int,
  version: text,
  facts: json(),
  setFacts: json(),
  retired: flag,
  revokedAt: nullable(int),
  address: text,
  connectedAt: nullable(int),
  disconnectedAt: nullable(int),
});

/** Reads an agent as one text. Made once: each hello of an agent needs it. */
const PACKED_ONE =
  `SELECT ${agentShape.packedRow()} AS packed FROM agents WHERE id = ?`;

/** Table of agents that may connect. */
export class Agents {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  /** All agents as one text for `agentShape.unpack`, ordered by name. */
  packed(): string {
    return String(
      this.#db.get(`SELECT ${agentShape.packed("id")} AS packed FROM agents`)
        ?.["packed"],
    );
  }

  /** An agent as one text for `agentShape.unpackOne`; undefined if there is none. */
  packedOne(id: string): string | undefined {
    const row = this.#db.get(PACKED_ONE, id);
    return row && String(row["packed"]);
  }

  get(id: string): AgentRecord | undefined {
    const row = this.#db.get(
      `SELECT ${agentShape.list} FROM agents WHERE id = ?`,
      id,
    );
    return row && agentShape.record(row);
  }

  /** @throws {PiriError} NOT_FOUND */
  require(attempt: string, id: string): AgentRecord {
    const agent = this.get(id);
    if (agent === undefined) throw agentNotFound(attempt, id);
    return agent;
  }

  count(): number {
    return Number(this.#db.get("SELECT count(*) AS n FROM agents")?.["n"]);
  }

  /** @throws {PiriError} ALREADY_EXISTS, also for a name that differs from another only in case */
  add(
    agent:
      & Pick<AgentRecord, "id" | "groups" | "cidrs" | "addedAt">
      & Partial<
        Pick<AgentRecord, "secretHash" | "tokenHash" | "tokenExpiresAt">
      >,
  ): void {
    this.#requireNoTwin(agent.id);
    const { changes } = this.#db.run(
      `INSERT INTO agents (id, groups, cidrs, added_at, secret_hash, token_hash, token_expires_at)
       VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
      ...agentShape.cells(
        { secretHash: null, tokenHash: null, tokenExpiresAt: null, ...agent },
        [
          "id",
          "groups",
          "cidrs",
          "addedAt",
          "secretHash",
          "tokenHash",
          "tokenExpiresAt",
        ],
      ),
    );
    if (changes === 0) {
      throw new PiriError(
        "ALREADY_EXISTS",
        `Cannot add agent "${agent.id}": there is one of that name`,
      );
    }
  }

  /** Name of an agent that differs from this one only in case; undefined for none. */
  twinOf(id: string): string | undefined {
    const twin = this.#db.get(
      "SELECT id FROM agents WHERE id = ? COLLATE NOCASE AND id <> ?",
      id,
      id,
    );
    return twin === undefined ? undefined : String(twin["id"]);
  }

  #requireNoTwin(id: string): void {
    const twin = this.twinOf(id);
    if (twin === undefined) return;
    throw new PiriError(
      "ALREADY_EXISTS",
      `Cannot add agent "${id}": there is "${twin}", and names may not differ only in upper and lower case`,
    );
  }

  /** Records the key that an agent has proven. */
  setKey(id: string, publicKey: Uint8Array): void {
    this.#db.run(
      "UPDATE agents SET public_key = ? WHERE id = ?",
      publicKey,
      id,
    );
  }

  /**
   * Revokes an agent, and returns its record of before. Its name stays taken.
   *
   * @throws {PiriError} NOT_FOUND; FAILED_PRECONDITION if it is revoked
   */
  revoke(id: string, at: number): AgentRecord {
    const agent = this.get(id);
    if (agent === undefined) throw agentNotFound("revoke", id);
    if (agent.revokedAt !== null) {
      throw new PiriError(
        "FAILED_PRECONDITION",
        `Cannot revoke agent "${id}": it is revoked`,
      );
    }
    this.#db.run(
      "UPDATE agents SET revoked_at = ?, token_hash = NULL, token_expires_at = NULL WHERE id = ?",
      Math.trunc(at),
      id,
    );
    return agent;
  }

  /** @throws {PiriError} NOT_FOUND */
  setToken(
    id: string,
    token: { tokenHash: Uint8Array; tokenExpiresAt: number },
  ): void {
    const revokedAt = this.get(id)?.revokedAt ?? null;
    if (revokedAt !== null) {
      throw new PiriError(
        "FAILED_PRECONDITION",
        `Cannot give a token to agent "${id}": it is revoked; remove it first`,
      );
    }
    const { changes } = this.#db.run(
      `UPDATE agents SET token_hash = ?, token_expires_at = ?, token_used_with = NULL WHERE id = ?`,
      ...agentShape.cells(token, ["tokenHash", "tokenExpiresAt"]),
      id,
    );
    if (changes === 0) throw agentNotFound("give a token to", id);
  }

  /**
   * Changes what operators set of agents, and returns the records of those that it changed.
   *
   * @throws {PiriError} NOT_FOUND
   */
  set(ids: readonly string[], change: AgentChange): AgentRecord[] {
    return ids.flatMap((id) => {
      const before = this.require("set", id);
      const after = { ...before, ...changed(before, change) };
      if (isEqual(before, after)) return [];
      this.#db.run(
        "UPDATE agents SET groups = ?, set_facts = ?, retired = ? WHERE id = ?",
        ...agentShape.cells(after, ["groups", "setFacts", "retired"]),
        id,
      );
      return [after];
    });
  }

  /** Replaces the facts that an agent tells. Does nothing if it has been removed meanwhile. */
  setHostFacts(id: string, facts: AgentRecord["facts"]): void {
    this.#db.run(
      "UPDATE agents SET facts = ? WHERE id = ?",
      ...agentShape.cells({ facts }, ["facts"]),
      id,
    );
  }

  /** @throws {PiriError} AUTH_FAILED */
  enrol(
    id: string,
    use: {
      tokenHash: Uint8Array;
      secretHash: Uint8Array;
      publicKey?: Uint8Array | undefined;
      at: number;
    },
  ): AgentRecord {
    const agent = this.get(id);
    if (agent === undefined) {
      throw refusal(id, "there is no agent of that name");
    }
    if (!isSame(agent.tokenHash, use.tokenHash)) {
      throw refusal(id, "this is not its token");
    }
    if (agent.tokenUsedWith !== null) {
      // The answer to the first attempt may have been lost, so the same secret succeeds again at any later time.
      if (isSame(agent.tokenUsedWith, use.secretHash)) return agent;
      throw refusal(id, "its token has been used");
    }
    if (agent.tokenExpiresAt === null || use.at >= agent.tokenExpiresAt) {
      throw refusal(id, "its token has expired");
    }
    const { secretHash, publicKey = null } = use;
    this.#db.run(
      "UPDATE agents SET secret_hash = ?, token_used_with = ?, public_key = ?, next_key = NULL, retired = 0 WHERE id = ?",
      secretHash,
      secretHash,
      publicKey,
      id,
    );
    return {
      ...agent,
      secretHash,
      publicKey,
      nextKey: null,
      tokenUsedWith: secretHash,
      retired: false,
    };
  }

  /**
   * Removes an agent, and returns its record.
   *
   * @throws {PiriError} NOT_FOUND
   */
  remove(id: string): AgentRecord {
    const agent = this.require("remove", id);
    this.#db.run("DELETE FROM agents WHERE id = ?", id);
    return agent;
  }

  /** Records the keys that an agent has told. */
  tell(id: string, { nextKey, trust }: ToldKeys): void {
    if (nextKey !== undefined) {
      this.#db.run("UPDATE agents SET next_key = ? WHERE id = ?", nextKey, id);
    }
    if (trust !== undefined) {
      this.#db.run(
        "UPDATE agents SET trust = ? WHERE id = ?",
        ...agentShape.cells({ trust }, ["trust"]),
        id,
      );
    }
  }

  /** Replaces an agent's key by the next one, and returns the old one. Does nothing if this is not the next one. */
  takeNextKey(id: string, key: Uint8Array): Uint8Array | undefined {
    const agent = this.get(id);
    if (agent === undefined || !isSame(agent.nextKey, key)) return undefined;
    this.#db.run(
      "UPDATE agents SET public_key = next_key, next_key = NULL WHERE id = ?",
      id,
    );
    return agent.publicKey ?? undefined;
  }

  /** Records the end of a connection. Does nothing if the agent has been removed meanwhile. */
  left(id: string, at: number): void {
    this.#db.run(
      "UPDATE agents SET disconnected_at = ? WHERE id = ?",
      ...agentShape.cells({ disconnectedAt: at }, ["disconnectedAt"]),
      id,
    );
  }
}

type Settable = Pick<AgentRecord, "groups" | "setFacts" | "retired">;

function changed(
  { groups, setFacts, retired }: Settable,
  change: AgentChange,
): Settable {
  const kept = groups.filter((group) => !change.removeGroups.includes(group));
  const facts = Object.entries({ ...setFacts, ...change.setFacts })
    .filter(([name]) => !change.removeFacts.includes(name));
  return {
    groups: [...new Set([...kept, ...change.addGroups])],
    setFacts: Object.fromEntries(facts),
    retired: change.retired ?? retired,
  };
}

function isEqual(one: Settable, other: Settable): boolean {
  return one.retired === other.retired &&
    JSON.stringify([one.groups, one.setFacts]) ===
      JSON.stringify([other.groups, other.setFacts]);
}

function isSame(kept: Uint8Array | null, given: Uint8Array): boolean {
  return kept !== null && sameHash(kept, given);
}

/** Error of an attempt on an agent that does not exist. */
export function agentNotFound(attempt: string, id: string): PiriError {
  return new PiriError(
    "NOT_FOUND",
    `Cannot ${attempt} agent "${id}": there is no agent of that name`,
  );
}

function refusal(id: string, reason: string): PiriError {
  return new PiriError("AUTH_FAILED", `Cannot enrol agent "${id}": ${reason}`);
}
