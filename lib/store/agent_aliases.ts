import { PiriError } from "../base/errors.ts";
import { jobName, UNSTARTED_STATES } from "../base/job_state.ts";
import type { Database } from "./database.ts";
import { type AgentCommands, HAS_COMMANDS } from "./agent_commands.ts";
import { OPEN_JOB_IDS } from "./jobs.ts";
import { stateList } from "./state_list.ts";

const UNSTARTED = stateList(UNSTARTED_STATES);

/** Former name of an agent. */
export interface AgentAlias {
  readonly name: string;
  /** Present name. */
  readonly agent: string;
}

/** Columns with names of agents, besides those of commands. What is in the audit stays as it was signed for. */
const NAMED = [
  ["agents", "id"],
  ["entries", "agent"],
  ["plan_agents", "agent"],
  ["events", "agent"],
  ["sent_ids", "agent"],
  ["tombstones", "agent"],
  ["told_absences", "agent"],
  ["agent_aliases", "agent"],
] as const;

/** Tables in which a name was used, even if there is no agent of it any more. */
const USED = [
  HAS_COMMANDS,
  "SELECT 1 FROM entries WHERE agent = ?1",
  "SELECT 1 FROM plan_agents WHERE agent = ?1",
  "SELECT 1 FROM tombstones WHERE agent = ?1",
];

/** Most jobs that an error names. */
const MAX_NAMED = 10;

/** Table of former names of agents, and the change of a name everywhere. */
export class AgentAliases {
  readonly #db: Database;
  readonly #commands: AgentCommands;

  constructor(db: Database, commands: AgentCommands) {
    this.#db = db;
    this.#commands = commands;
  }

  all(): AgentAlias[] {
    return this.#db.all("SELECT name, agent FROM agent_aliases ORDER BY name")
      .map(({ name, agent }) => ({ name: String(name), agent: String(agent) }));
  }

  /**
   * Requires that no agent had a name before it was renamed: it may still come by that name.
   *
   * @throws {PiriError} ALREADY_EXISTS
   */
  requireFree(name: string): void {
    const agent = this.#db.get(
      "SELECT agent FROM agent_aliases WHERE name = ?",
      name,
    )?.["agent"];
    if (agent === undefined) return;
    throw new PiriError(
      "ALREADY_EXISTS",
      `Cannot add agent "${name}": that is the former name of "${agent}", which may still come by it`,
    );
  }

  /** Forgets the former names of an agent that is removed, and returns them. */
  forgetAgent(agent: string): string[] {
    const names = this.all().filter((alias) => alias.agent === agent)
      .map(({ name }) => name);
    for (const name of names) this.#forget(name);
    return names;
  }

  /**
   * Requires that an agent may get another name.
   *
   * @throws {PiriError} NOT_FOUND; ALREADY_EXISTS if the name is used, or was; REFUSED while jobs wait for the agent
   */
  check(from: string, to: string): void {
    const attempt = `Cannot rename agent "${from}"`;
    if (!this.#has("SELECT 1 FROM agents WHERE id = ?", from)) {
      throw new PiriError(
        "NOT_FOUND",
        `${attempt}: there is no agent of that name`,
      );
    }
    this.#requireUnused(attempt, from, to);
    this.#requireNoJobs(attempt, from);
  }

  /** Gives an agent another name, in all tables. Throws as `check`. */
  rename(from: string, to: string): void {
    this.check(from, to);
    this.#forget(to);
    for (const [table, column] of NAMED) {
      this.#db.run(
        `UPDATE ${table} SET ${column} = ? WHERE ${column} = ?`,
        to,
        from,
      );
    }
    this.#commands.rename(from, to);
    this.#db.run(
      "UPDATE deliveries SET subject = ? WHERE subject = ? AND event = 'agent.away'",
      to,
      from,
    );
    this.#db.run(
      "INSERT INTO agent_aliases (name, agent) VALUES (?, ?)",
      from,
      to,
    );
  }

  #requireUnused(attempt: string, from: string, to: string): void {
    const twin = this.#db.get(
      "SELECT id FROM agents WHERE id = ? COLLATE NOCASE AND id <> ?",
      to,
      from,
    );
    if (twin !== undefined || from === to) {
      throw new PiriError(
        "ALREADY_EXISTS",
        `${attempt} to "${to}": there is "${twin?.["id"] ?? from}"`,
      );
    }
    const alias = this.#db.get(
      "SELECT agent FROM agent_aliases WHERE name = ?",
      to,
    )?.["agent"];
    // It may have its own name back.
    if (alias === from) return;
    if (alias === undefined && !USED.some((sql) => this.#has(sql, to))) return;
    throw new PiriError(
      "ALREADY_EXISTS",
      `${attempt} to "${to}": another agent had that name, and the history would mix the two`,
    );
  }

  #requireNoJobs(attempt: string, agent: string): void {
    const jobs = this.#db.all(
      `SELECT job_id FROM entries
       WHERE agent = ? AND state IN ${UNSTARTED} AND job_id IN (${OPEN_JOB_IDS})
       ORDER BY job_id`,
      agent,
    ).map((row) => jobName(row["job_id"] as bigint));
    if (jobs.length === 0) return;
    const more = jobs.length > MAX_NAMED ? " and more" : "";
    throw new PiriError(
      "REFUSED",
      `${attempt}: jobs wait for it: ${
        jobs.slice(0, MAX_NAMED).join(", ")
      }${more}`,
    );
  }

  #has(sql: string, name: string): boolean {
    return this.#db.get(`${sql} LIMIT 1`, name) !== undefined;
  }

  #forget(name: string): void {
    this.#db.run("DELETE FROM agent_aliases WHERE name = ?", name);
  }
}
