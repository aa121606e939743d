import {
  BAD_ENDS,
  type CommandStateName,
  isOpenState,
} from "../base/command_state.ts";
import type { Database } from "./database.ts";
import { stateList } from "./state_list.ts";

/** Number of commands that are listed by agent at a time. */
export const LISTED_TOGETHER = 20_000;

/** Commands with an id above all that are listed, as a condition. */
const UNLISTED = "id > (SELECT listed_to FROM meta)";

/** Ids of all commands of the agent ?1. A command may be there twice while others are being listed. */
const IDS = `SELECT id FROM agent_commands WHERE agent = ?1
  UNION ALL SELECT id FROM commands WHERE ${UNLISTED} AND agent = ?1`;

/** Finds something if a command was ever made for the agent ?1. */
export const HAS_COMMANDS =
  `SELECT 1 FROM agent_commands WHERE agent = ?1 UNION ALL ${`SELECT 1 FROM commands WHERE ${UNLISTED} AND agent = ?1`}`;

/** Questions by agent and state that an index answers. Few commands are open, or ended badly. */
const OPEN_IDS = idsBy("commands_by_state");
// In the words of the index: SQLite does not use it otherwise.
const BAD_IDS = idsBy(
  "commands_ended_badly",
  `AND state IN ${stateList(BAD_ENDS)}`,
);

const SUCCEEDED_IDS =
  // CROSS and NOT INDEXED: otherwise SQLite may begin with all commands of the state.
  `SELECT id FROM (
     SELECT a.id FROM agent_commands a CROSS JOIN commands c ON c.id = a.id
     WHERE a.agent = ?1 AND a.id < ?2 AND c.state = ?4 ORDER BY a.id DESC LIMIT ?3
   )
   UNION
   SELECT id FROM (
     SELECT id FROM commands NOT INDEXED
     WHERE ${UNLISTED} AND agent = ?1 AND id < ?2 AND state = ?4 ORDER BY id DESC LIMIT ?3
   )
   ORDER BY id DESC LIMIT ?3`;

/** Commands, newest first, of those below an id. */
interface Page {
  readonly beforeId: bigint;
  readonly limit: number;
}

/**
 * Commands by agent. The newest ones are not in the table yet: their rows are read. They are added to it many at a
 * time and in its order, so that a page of it is written once for many commands, and not once for each.
 */
export class AgentCommands {
  readonly #db: Database;
  /** Undefined until somebody asks. */
  #unlisted: number | undefined;

  constructor(db: Database) {
    this.#db = db;
  }

  /** Number of commands that are not listed; a few more if writes failed. */
  get unlisted(): number {
    return this.#unlisted ??= this.#count();
  }

  #count(): number {
    const row = this.#db.get(
      `SELECT count(*) AS n FROM (SELECT 1 FROM commands WHERE ${UNLISTED} LIMIT ?)`,
      LISTED_TOGETHER,
    );
    return Number(row?.["n"]);
  }

  /** Counts commands that were added. */
  noteAdded(count: number): void {
    if (this.#unlisted !== undefined) this.#unlisted += count;
  }

  /** Ids of an agent's commands, newest first. */
  ids(agent: string, { beforeId, limit }: Page): bigint[] {
    return this.#db.cells(
      `SELECT id FROM (SELECT id FROM agent_commands WHERE agent = ?1 AND id < ?2 ORDER BY id DESC LIMIT ?3)
       UNION
       SELECT id FROM (
         SELECT id FROM commands WHERE ${UNLISTED} AND agent = ?1 AND id < ?2 ORDER BY id DESC LIMIT ?3
       )
       ORDER BY id DESC LIMIT ?3`,
      agent,
      beforeId,
      limit,
    ).map(([id]) => id as bigint);
  }

  /** Ids of an agent's commands in a state, newest first, by whichever index leads past the fewest others. */
  idsIn(
    state: CommandStateName,
    agent: string,
    { beforeId, limit }: Page,
  ): bigint[] {
    const sql = isOpenState(state)
      ? OPEN_IDS
      : state === "succeeded"
      ? SUCCEEDED_IDS
      : BAD_IDS;
    return this.#db.cells(sql, agent, beforeId, limit, state)
      .map(([id]) => id as bigint);
  }

  /** Gives all commands of an agent to another name. */
  rename(from: string, to: string): void {
    this.#db.run(
      `UPDATE commands SET agent = ?2 WHERE id IN (${IDS})`,
      from,
      to,
    );
    this.#db.run(
      "UPDATE agent_commands SET agent = ? WHERE agent = ?",
      to,
      from,
    );
  }

  /** Forgets a command that is about to be deleted. */
  forget(id: bigint): void {
    this.#db.run(
      "DELETE FROM agent_commands WHERE agent = (SELECT agent FROM commands WHERE id = ?1) AND id = ?1",
      id,
    );
  }

  /** Agents and ids of commands above an id that are not listed, by id. */
  unlistedAfter(id: bigint, limit: number): (readonly [string, bigint])[] {
    return this.#db.cells(
      `SELECT agent, id FROM commands WHERE ${UNLISTED} AND id > ? ORDER BY id LIMIT ?`,
      id,
      limit,
    ).map(([agent, id]) => [agent as string, id as bigint]);
  }

  /** Lists commands, best in the order of their agents. Those that are listed already, or were deleted, are left out. */
  list(ids: readonly bigint[]): void {
    this.#db.run(
      // CROSS keeps the order of the ids.
      `INSERT OR IGNORE INTO agent_commands (agent, id)
         SELECT c.agent, c.id FROM json_each(?) CROSS JOIN commands c ON c.id = CAST(value AS INTEGER)`,
      JSON.stringify(ids.map(String)),
    );
  }

  /** Notes that all commands up to an id are listed. */
  noteListedTo(id: bigint): void {
    this.#db.run("UPDATE meta SET listed_to = max(listed_to, ?)", id);
  }

  /** Counts commands that were listed. */
  noteListed(count: number): void {
    this.#unlisted = Math.max(0, this.unlisted - count);
  }
}

function idsBy(index: string, condition = ""): string {
  return `SELECT id FROM commands INDEXED BY ${index}
    WHERE agent = ?1 AND state = ?4 ${condition} AND id < ?2 ORDER BY id DESC LIMIT ?3`;
}
