import { type CommandStateName, OPEN_STATES } from "../base/command_state.ts";
import { type EntryStateName, UNSTARTED_STATES } from "../base/job_state.ts";
import { commandShape } from "./command_shape.ts";
import type { Database, Row, SqlValue } from "./database.ts";
import { OPEN_JOB_IDS } from "./jobs.ts";
import type {
  EntryCommand,
  EntryMove,
  EntryRecord,
  JobSetName,
  MovedEntry,
  UnstartedEntries,
} from "./job_records.ts";
import { runs } from "./runs.ts";
import { big, flag, int, nullable, Shape, text, word } from "./shape.ts";
import { placeholders, stateList } from "./state_list.ts";

const shape = new Shape<Omit<EntryRecord, "command">>({
  position: int,
  agent: text,
  state: word(),
  reason: text,
  canary: flag,
  commandId: nullable(big),
});

const COMMAND_FIELDS = [
  "id",
  "agent",
  "state",
  "presumed",
  "reason",
  "errorCode",
  "exitCode",
  "signal",
  "changed",
  "createdAt",
  "startedAt",
  "finishedAt",
  "stdoutHeld",
  "stderrHeld",
  "truncated",
  "stdoutSha256",
  "stderrSha256",
  "hashOfKept",
  "progressCurrent",
  "progressTotal",
  "progressMessage",
] as const satisfies (keyof EntryCommand)[];

const SELECT_COMMANDS = `SELECT ${
  commandShape.names(COMMAND_FIELDS).join(", ")
} FROM commands WHERE id IN (SELECT value FROM json_each(?))`;

const OPEN = stateList(OPEN_STATES);
const UNSTARTED = stateList(UNSTARTED_STATES);

/** Condition of each set of a job's agents; `c` is the command, null for an entry without one. */
const SETS: Readonly<Record<JobSetName, string>> = {
  job: "1",
  ok: "c.state = 'succeeded'",
  lost: "(e.state = 'lost' OR c.state = 'lost')",
  failed: `e.state NOT IN ${UNSTARTED} AND
    (c.id IS NULL OR c.state NOT IN ${OPEN} AND c.state <> 'succeeded')`,
  unreachable: "e.state IN ('unreachable', 'expired')",
};

/** Table of the entries of jobs. */
export class Entries {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  /**
   * Adds the entries of a job, in the order of starting. Those of agents that were removed meanwhile begin with `gone`;
   * returns how many these are.
   */
  add(
    job: bigint,
    agents: readonly string[],
    { canaries, at, gone }: {
      canaries: number;
      at: number;
      gone: EntryMove;
    },
  ): number {
    this.#db.run(
      `INSERT INTO entries
         (job_id, position, agent, state, reason, canary, changed_at)
       SELECT ?, key, value,
         CASE WHEN a.id IS NULL THEN ? ELSE 'waiting' END,
         CASE WHEN a.id IS NULL THEN ? ELSE '' END,
         key < ?, ?
       FROM json_each(?) LEFT JOIN agents a ON a.id = value`,
      job,
      gone.to,
      gone.reason,
      canaries,
      Math.trunc(at),
      JSON.stringify(agents),
    );
    const row = this.#db.get(
      "SELECT count(*) AS n FROM entries WHERE job_id = ? AND state = ?",
      job,
      gone.to,
    );
    return Number(row?.["n"]);
  }

  /** Entries of a job from a position on, in the order of starting. */
  list(job: bigint, from: number, limit: number): EntryRecord[] {
    const rows = this.#db.all(
      `SELECT ${shape.list} FROM entries WHERE job_id = ? AND position >= ? ORDER BY position LIMIT ?`,
      job,
      from,
      limit,
    );
    return this.#records(rows);
  }

  /** Entries at these positions. */
  at(job: bigint, positions: readonly number[]): EntryRecord[] {
    const rows = this.#db.all(
      `SELECT ${shape.list} FROM entries WHERE job_id = ? AND position IN (SELECT value FROM json_each(?))`,
      job,
      JSON.stringify(positions),
    );
    const found = new Map(
      this.#records(rows).map((entry) => [entry.position, entry]),
    );
    return positions.flatMap((position) => found.get(position) ?? []);
  }

  /** Entries of a job in a state, from a position on. */
  inState(
    job: bigint,
    state: EntryStateName,
    { from, limit }: { from: number; limit: number },
  ): UnstartedEntries {
    const rows = this.#db.all(
      "SELECT position, agent FROM entries WHERE job_id = ? AND position >= ? AND state = ? ORDER BY position LIMIT ?",
      job,
      from,
      state,
      limit,
    );
    return {
      positions: rows.map((row) => Number(row["position"])),
      agents: rows.map((row) => row["agent"] as string),
    };
  }

  /** Entries of an agent in a state, in jobs that have not ended. */
  ofAgent(
    agent: string,
    state: EntryStateName,
  ): { job: bigint; position: number }[] {
    return this.#db.all(
      `SELECT job_id, position FROM entries
         WHERE agent = ? AND job_id IN (${OPEN_JOB_IDS}) AND state = ? ORDER BY job_id`,
      agent,
      state,
    ).map((row) => ({
      job: row["job_id"] as bigint,
      position: Number(row["position"]),
    }));
  }

  /**
   * Gives entries commands with ids that follow each other, in the order of `positions`. Those that are in none of the
   * states that start get none. Returns the places in `positions` of those that started.
   */
  start(
    job: bigint,
    positions: readonly number[],
    { firstId, move }: { firstId: bigint; move: EntryMove },
  ): number[] {
    const startable = new Set(
      this.#db.cells(
        `SELECT position FROM entries WHERE job_id = ? AND state IN (${
          placeholders(move.from)
        }) AND position IN (SELECT value FROM json_each(?))`,
        job,
        ...move.from,
        JSON.stringify(positions),
      ).map(([position]) => Number(position)),
    );
    const started = [...positions.keys()].filter((index) =>
      // Each only once.
      startable.delete(positions[index] ?? -1)
    );
    const taken = started.map((index) => positions[index] ?? 0);
    for (const { index, length } of runs(taken)) {
      const from = taken[index] ?? 0;
      this.#db.run(
        `UPDATE entries SET state = ?, reason = ?, command_id = ? + position, changed_at = ?
           WHERE job_id = ? AND position BETWEEN ? AND ?`,
        move.to,
        move.reason,
        firstId + BigInt(index - from),
        Math.trunc(move.at),
        job,
        from,
        from + length - 1,
      );
    }
    return started;
  }

  /** Moves entries at these positions, or from position 0 on at most `limit` of all. */
  move(
    job: bigint,
    move: EntryMove,
    which: { positions: readonly number[] } | { limit: number },
  ): MovedEntry[] {
    if ("limit" in which) {
      return this.#moveAll(
        move,
        this.#db.all(
          `SELECT job_id, position, state FROM entries
             WHERE job_id = ? AND state IN (${
            placeholders(move.from)
          }) ORDER BY position LIMIT ?`,
          job,
          ...move.from,
          which.limit,
        ),
      );
    }
    return which.positions.flatMap((position) =>
      this.#moveAll(
        move,
        this.#db.all(
          `SELECT job_id, position, state FROM entries
             WHERE job_id = ? AND position = ? AND state IN (${
            placeholders(move.from)
          })`,
          job,
          position,
          ...move.from,
        ),
      )
    );
  }

  /** Moves entries of an agent in all jobs that have not ended. */
  moveAgent(agent: string, move: EntryMove): MovedEntry[] {
    return this.#moveAll(
      move,
      this.#db.all(
        `SELECT job_id, position, state FROM entries
           WHERE agent = ? AND job_id IN (${OPEN_JOB_IDS}) AND state IN (${
          placeholders(move.from)
        })`,
        agent,
        ...move.from,
      ),
    );
  }

  /**
   * Moves entries of an agent that may have run already: those of jobs up to `lastJob` if the agent accepted ids that were
   * never recorded as sent, or if another journal of it is known here. Called before its hello is recorded.
   */
  moveDoubtful(
    agent: string,
    move: EntryMove,
    { lastJob, instance, isAhead }: {
      lastJob: bigint;
      instance: string;
      isAhead: boolean;
    },
  ): MovedEntry[] {
    return this.#moveAll(
      move,
      this.#db.all(
        `SELECT job_id, position, state FROM entries
           WHERE agent = ? AND job_id IN (${OPEN_JOB_IDS}) AND job_id <= ? AND state IN (${
          placeholders(move.from)
        }) AND (? OR (SELECT instance FROM agents WHERE id = agent) <> ?)`,
        agent,
        lastJob,
        ...move.from,
        isAhead ? 1n : 0n,
        instance,
      ),
    );
  }

  /** Moves entries of a job for agents that another job has entries for, too. */
  supersede(job: bigint, by: bigint, move: EntryMove): MovedEntry[] {
    return this.#moveAll(
      move,
      this.#db.all(
        `SELECT e.job_id, e.position, e.state FROM entries e
           WHERE e.job_id = ? AND e.state IN (${
          placeholders(move.from)
        }) AND EXISTS (SELECT 1 FROM entries n WHERE n.agent = e.agent AND n.job_id = ?)`,
        job,
        ...move.from,
        by,
      ),
    );
  }

  /** Names of the agents of a job that are in a set, in the order of starting. */
  agentsOf(job: bigint, set: JobSetName): string[] {
    return this.#db.all(
      `SELECT e.agent FROM entries e LEFT JOIN commands c ON c.id = e.command_id
         WHERE e.job_id = ? AND ${SETS[set]} ORDER BY e.position`,
      job,
    ).map((row) => row["agent"] as string);
  }

  /** Count of a job's entries by their own state and that of their command, null for none. */
  count(
    job: bigint,
  ): {
    entry: EntryStateName;
    command: CommandStateName | null;
    count: number;
  }[] {
    return this.#db.all(
      `SELECT e.state AS entry, c.state AS command, count(*) AS n
         FROM entries e LEFT JOIN commands c ON c.id = e.command_id
         WHERE e.job_id = ? GROUP BY 1, 2`,
      job,
    ).map((row) => ({
      entry: row["entry"] as EntryStateName,
      command: row["command"] as CommandStateName | null,
      count: Number(row["n"]),
    }));
  }

  /** Commands of a job that have not ended, and those whose end may be taken back: see `mayComeBack`. */
  openCommands(
    job: bigint,
  ): { id: bigint; position: number; state: EntryCommand["state"] }[] {
    return this.#db.all(
      `SELECT c.id, e.position, c.state FROM entries e JOIN commands c ON c.id = e.command_id
         WHERE e.job_id = ? AND (c.state IN ${OPEN} OR c.presumed = 1 OR c.state = 'lost')
         ORDER BY e.position`,
      job,
    ).map((row) => ({
      id: row["id"] as bigint,
      position: Number(row["position"]),
      state: row["state"] as EntryCommand["state"],
    }));
  }

  /** First position of a job in a state; undefined if none is. */
  first(job: bigint, state: EntryStateName): number | undefined {
    const row = this.#db.get(
      "SELECT min(position) AS first FROM entries WHERE job_id = ? AND state = ?",
      job,
      state,
    );
    const first = row?.["first"] ?? null;
    return first === null ? undefined : Number(first);
  }

  #moveAll(move: EntryMove, rows: readonly Row[]): MovedEntry[] {
    const values: SqlValue[] = [move.to, move.reason, Math.trunc(move.at)];
    return rows.map((row) => {
      const job = row["job_id"] as bigint;
      const position = Number(row["position"]);
      this.#db.run(
        "UPDATE entries SET state = ?, reason = ?, changed_at = ? WHERE job_id = ? AND position = ?",
        ...values,
        job,
        position,
      );
      const from = row["state"] as EntryStateName;
      return { job, position, from, to: move.to };
    });
  }

  /** Records of entries with their commands, which one query finds. */
  #records(rows: readonly Row[]): EntryRecord[] {
    const entries = rows.map((row) => shape.record(row));
    const ids = entries.flatMap(({ commandId }) => commandId ?? []);
    const commands = new Map(
      ids.length === 0 ? [] : this.#db.all(SELECT_COMMANDS, `[${ids.join()}]`)
        .map(commandOf).map((command) => [command.id, command]),
    );
    return entries.map((entry) => ({
      ...entry,
      command: commands.get(entry.commandId ?? 0n) ?? null,
    }));
  }
}

function commandOf(row: Row): EntryCommand {
  return commandShape.part(row, COMMAND_FIELDS);
}
