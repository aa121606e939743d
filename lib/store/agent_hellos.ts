import { agentNotFound, agentShape as shape } from "./agents.ts";
import type { Database, SqlValue } from "./database.ts";
import { jsonRows } from "./json_rows.ts";
import type { AgentRecord, NewKey } from "./records.ts";

/** Fields that a hello tells. */
const TOLD = [
  "protocol",
  "version",
  "facts",
  "instance",
  "session",
  "lastCommandId",
  "address",
  "connectedAt",
  "trust",
] as const satisfies (keyof AgentRecord)[];

/** Hello of an agent that is admitted. */
export interface AdmittedHello extends
  Pick<
    AgentRecord,
    "protocol" | "version" | "facts" | "session" | "lastCommandId" | "address"
  > {
  /** Empty for none. */
  readonly instance: string;
  readonly at: number;
  readonly newKey?: NewKey | undefined;
  readonly trust?: readonly string[] | undefined;
}

/** Records hellos out of `jsonRows`, each after the name of its agent. */
const ADMIT_TOGETHER = `UPDATE agents SET (${
  shape.names(TOLD).join(", ")
}) = (${
  shape.fromJson(TOLD, 1).join(", ")
}) FROM json_each(?) WHERE agents.id = value ->> 0`;

/** Cells of what a hello tells. */
function toldBy(hello: AdmittedHello): SqlValue[] {
  return shape.cells(
    {
      ...hello,
      instance: hello.instance === "" ? null : hello.instance,
      connectedAt: hello.at,
      trust: hello.trust ?? null,
    },
    TOLD,
  );
}

/** Hellos of agents, in the table of agents. */
export class AgentHellos {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  /** @throws {PiriError} NOT_FOUND */
  admit(id: string, hello: AdmittedHello): void {
    const { changes } = this.#db.run(
      `UPDATE agents SET ${
        shape.names(TOLD).map((name) => `${name} = ?`).join(", ")
      } WHERE id = ?`,
      ...toldBy(hello),
      id,
    );
    if (changes === 0) throw agentNotFound("admit", id);
    if (hello.newKey !== undefined) this.learn(id, hello.newKey);
  }

  /**
   * Records the hellos of several agents by one statement, but for new keys. False if one of them is to be told apart:
   * there is no such agent, or a text needs a statement of its own.
   */
  admitTogether(
    hellos: readonly { readonly id: string; readonly hello: AdmittedHello }[],
  ): boolean {
    const rows = jsonRows(
      hellos.map(({ id, hello }) => [id, ...toldBy(hello)]),
    );
    if (rows === undefined) return false;
    return this.#db.run(ADMIT_TOGETHER, rows).changes === hellos.length;
  }

  /** Records a key, unless the entry is another one by now, which came under the name of a removed agent. */
  learn(id: string, { publicKey, secretHash }: NewKey): void {
    this.#db.run(
      "UPDATE agents SET public_key = ? WHERE id = ? AND secret_hash = ? AND public_key IS NULL",
      publicKey,
      id,
      secretHash,
    );
  }
}
