import { PiriError } from "../base/errors.ts";
import { type AgentAlias, AgentAliases } from "./agent_aliases.ts";
import { AgentCommands } from "./agent_commands.ts";
import { Database, type Row, type SqlValue } from "./database.ts";
import { MIGRATIONS } from "./migrate.ts";

/** Part of a database that makes a Manager the same one elsewhere. It has no history. */
export interface StoredIdentity {
  readonly managerId: string;
  /** Time at which the database was made, in milliseconds since 1970. */
  readonly createdAt: number;
  /** Highest command id ever given. */
  readonly lastCommandId: bigint;
  readonly agents: readonly StoredAgent[];
  readonly tombstones: readonly StoredTombstone[];
  /** Former names of agents. */
  readonly aliases: readonly AgentAlias[];
  /** Keys that never join again. */
  readonly revokedKeys: readonly StoredRevokedKey[];
}

/** Entry of an agent, without what its next hello tells and without its join token. */
export interface StoredAgent {
  readonly id: string;
  readonly groups: readonly string[];
  readonly cidrs: readonly string[];
  readonly addedAt: number;
  /** SHA-256 of its secret; null until it has joined. */
  readonly secretHash: Uint8Array | null;
  /** Key that it has proven; null before. */
  readonly publicKey: Uint8Array | null;
  /** Key that is to replace it; null for none. */
  readonly nextKey: Uint8Array | null;
  /** SHA-256 of the keys of authorities and Managers that it trusts, in hex digits; null if it has not told. */
  readonly trust: readonly string[] | null;
  /** Instance and session of its latest hello: a copy of the agent is told by them. */
  readonly instance: string | null;
  readonly session: bigint;
  readonly lastCommandId: bigint;
  /** Highest id of a command that was recorded as sent to it; 0 for none. */
  readonly lastSentId: bigint;
  /** Facts of its latest hello, without the list of its operations. */
  readonly facts: Readonly<Record<string, string>>;
  readonly setFacts: Readonly<Record<string, string>>;
  readonly retired: boolean;
  /** Time at which it was revoked; null if it is not. */
  readonly revokedAt: number | null;
}

/** Key of an agent that was revoked. */
export interface StoredRevokedKey {
  /** SHA-256 of the key. */
  readonly hash: Uint8Array;
  readonly agent: string;
  readonly revokedAt: number;
}

/** Memory of a removed agent. */
export interface StoredTombstone {
  readonly agent: string;
  readonly secretHash: Uint8Array;
  readonly removedAt: number;
}

/**
 * Reads the identity in a Manager's database, also while the Manager runs.
 *
 * @throws {PiriError} NOT_FOUND; FAILED_PRECONDITION for a schema of another version; CORRUPT, DISK
 */
export async function readIdentity(path: string): Promise<StoredIdentity> {
  await requireFile(path);
  using db = new Database(path);
  requireSchema(db, path);
  // One transaction: a Manager that runs may write meanwhile.
  db.script("BEGIN");
  try {
    return read(db);
  } finally {
    db.script("ROLLBACK");
  }
}

/** Makes a new database, right after its schema, that of a Manager which is elsewhere, too. */
export function writeIdentity(db: Database, identity: StoredIdentity): void {
  db.script("BEGIN IMMEDIATE");
  try {
    write(db, identity);
    db.script("COMMIT");
  } catch (error) {
    if (db.inTransaction) db.script("ROLLBACK");
    throw error;
  }
}

async function requireFile(path: string): Promise<void> {
  try {
    await Deno.stat(path);
  } catch (cause) {
    if (!(cause instanceof Deno.errors.NotFound)) throw cause;
    throw new PiriError(
      "NOT_FOUND",
      `Cannot read "${path}": there is no such database`,
      { cause },
    );
  }
}

function requireSchema(db: Database, path: string): void {
  const version = Number(db.get("PRAGMA user_version")?.["user_version"]);
  if (version === MIGRATIONS.length) return;
  throw new PiriError(
    "FAILED_PRECONDITION",
    version < MIGRATIONS.length
      ? `Cannot read "${path}": an older Manager has used it; start this version of piri-manager serve on it once`
      : `Cannot read "${path}": a newer Manager has used it`,
  );
}

function read(db: Database): StoredIdentity {
  const meta = db.get("SELECT manager_id, created_at FROM meta");
  if (meta === undefined) {
    throw new PiriError("CORRUPT", "Cannot read the database: it has no id");
  }
  const sequence = db.get(
    "SELECT seq FROM sqlite_sequence WHERE name = 'commands'",
  );
  return {
    managerId: String(meta["manager_id"]),
    createdAt: Number(meta["created_at"]),
    lastCommandId: big(sequence?.["seq"]),
    agents: db.all(
      `SELECT agents.*, sent_ids.last_id AS last_sent_id
       FROM agents LEFT JOIN sent_ids ON sent_ids.agent = agents.id ORDER BY id`,
    ).map(agentOf),
    revokedKeys: db.all("SELECT * FROM revoked_keys ORDER BY hash").map(
      (row) => ({
        hash: row["hash"] as Uint8Array,
        agent: String(row["agent"]),
        revokedAt: Number(row["revoked_at"]),
      }),
    ),
    tombstones: db.all("SELECT * FROM tombstones ORDER BY id").map((row) => ({
      agent: String(row["agent"]),
      secretHash: row["secret_hash"] as Uint8Array,
      removedAt: Number(row["removed_at"]),
    })),
    aliases: new AgentAliases(db, new AgentCommands(db)).all(),
  };
}

function agentOf(row: Row): StoredAgent {
  const { operations: _listedAnew, ...facts } = json<
    Record<string, string>
  >(row, "facts");
  return {
    id: String(row["id"]),
    groups: json(row, "groups"),
    cidrs: json(row, "cidrs"),
    addedAt: Number(row["added_at"]),
    secretHash: row["secret_hash"] as Uint8Array | null,
    publicKey: row["public_key"] as Uint8Array | null,
    nextKey: row["next_key"] as Uint8Array | null,
    trust: row["trust"] === null ? null : json(row, "trust"),
    instance: row["instance"] as string | null,
    session: BigInt.asUintN(64, big(row["session"])),
    lastCommandId: big(row["last_command_id"]),
    // None was sent to an agent that is not in the table.
    lastSentId: big(row["last_sent_id"]),
    facts,
    setFacts: json(row, "set_facts"),
    retired: row["retired"] === 1n,
    revokedAt: row["revoked_at"] === null ? null : Number(row["revoked_at"]),
  };
}

function write(db: Database, identity: StoredIdentity): void {
  db.run(
    "INSERT INTO meta (id, manager_id, created_at) VALUES (1, ?, ?)",
    identity.managerId,
    identity.createdAt,
  );
  db.run(
    "UPDATE sqlite_sequence SET seq = ? WHERE name = 'commands'",
    identity.lastCommandId,
  );
  for (const agent of identity.agents) {
    const cells = cellsOf(agent);
    const places = Object.keys(cells).map(() => "?").join(", ");
    db.run(
      `INSERT INTO agents (${
        Object.keys(cells).join(", ")
      }) VALUES (${places})`,
      ...Object.values(cells),
    );
    if (agent.lastSentId === 0n) continue;
    db.run(
      "INSERT INTO sent_ids (agent, last_id) VALUES (?, ?)",
      agent.id,
      agent.lastSentId,
    );
  }
  for (const { name, agent } of identity.aliases) {
    db.run(
      "INSERT INTO agent_aliases (name, agent) VALUES (?, ?)",
      name,
      agent,
    );
  }
  for (const { hash, agent, revokedAt } of identity.revokedKeys) {
    db.run(
      "INSERT INTO revoked_keys (hash, agent, revoked_at) VALUES (?, ?, ?)",
      hash,
      agent,
      revokedAt,
    );
  }
  for (const { agent, secretHash, removedAt } of identity.tombstones) {
    db.run(
      "INSERT INTO tombstones (agent, secret_hash, removed_at) VALUES (?, ?, ?)",
      agent,
      secretHash,
      removedAt,
    );
  }
}

function cellsOf(agent: StoredAgent): Record<string, SqlValue> {
  return {
    id: agent.id,
    groups: JSON.stringify(agent.groups),
    cidrs: JSON.stringify(agent.cidrs),
    added_at: agent.addedAt,
    secret_hash: agent.secretHash,
    public_key: agent.publicKey,
    next_key: agent.nextKey,
    trust: agent.trust === null ? null : JSON.stringify(agent.trust),
    instance: agent.instance,
    session: BigInt.asIntN(64, agent.session),
    last_command_id: agent.lastCommandId,
    facts: JSON.stringify(agent.facts),
    set_facts: JSON.stringify(agent.setFacts),
    retired: agent.retired ? 1n : 0n,
    revoked_at: agent.revokedAt,
  };
}

/** A whole number of a row; 0 for none. */
function big(cell: SqlValue | undefined): bigint {
  return typeof cell === "bigint" ? cell : 0n;
}

/** Plain data of a column, as it was written. */
function json<T>(row: Row, column: string): T {
  return JSON.parse(String(row[column]));
}
