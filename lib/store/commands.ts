import { OPEN_STATES } from "../base/command_state.ts";
import type { BlobName } from "../base/blob.ts";
import { PiriError } from "../base/errors.ts";
import type { AgentCommands } from "./agent_commands.ts";
import { placeholders, stateList } from "./state_list.ts";
import type { BlobRefs } from "./blob_refs.ts";
import { commandShape as shape, NEW_FIELDS } from "./command_shape.ts";
import {
  areAlike,
  complete,
  freshCommands,
  OWN_FIELDS,
  SHARED_FIELDS,
  type StoredNewCommand,
} from "./created_commands.ts";
import type { Database, Row, SqlValue } from "./database.ts";
import { BulkPatches } from "./bulk_patches.ts";
import { assignments, changedFields } from "./command_update.ts";
import { jsonRows } from "./json_rows.ts";
import type { RequestRecord, Requests } from "./requests.ts";
import type { SentIds } from "./sent_ids.ts";
import type { Meta } from "./meta.ts";
import type {
  CommandFilter,
  CommandPatch,
  CommandRecord,
  NewCommand,
} from "./records.ts";

const INSERT = `INSERT INTO commands (id, ${shape.names(NEW_FIELDS).join(", ")})
  VALUES (?, ${NEW_FIELDS.map(() => "?").join(", ")})`;

/** Commands of the same request, with ids from the first value on. */
const INSERT_ALL = `INSERT INTO commands (id, ${
  shape.names([...SHARED_FIELDS, ...OWN_FIELDS]).join(", ")
}) SELECT ? + key, ${
  [...SHARED_FIELDS.map(() => "?"), ...shape.fromJson(OWN_FIELDS, 0)].join(", ")
} FROM json_each(?)`;

const SELECT = `SELECT ${shape.list} FROM commands`;

const OPEN = stateList(OPEN_STATES);

const IDS_OF_STATE =
  "SELECT id FROM commands WHERE state = ? AND id < ? ORDER BY id DESC LIMIT ?";

type Held = NonNullable<CommandPatch["after"]>;

const HIGHEST_ID = 2n ** 63n - 1n;

/** Table of commands, open and ended. */
export class Commands {
  readonly #db: Database;
  readonly #requests: Requests;
  readonly #sent: SentIds;
  readonly #meta: Meta;
  readonly #blobs: BlobRefs;
  readonly #byAgent: AgentCommands;
  readonly #bulk: BulkPatches;
  readonly #updates = new Map<string, string>();

  constructor(
    db: Database,
    { requests, sent, meta, blobs, agentCommands }: {
      requests: Requests;
      sent: SentIds;
      meta: Meta;
      blobs: BlobRefs;
      agentCommands: AgentCommands;
    },
  ) {
    this.#db = db;
    this.#bulk = new BulkPatches(db, (patch) => this.patch(patch));
    this.#blobs = blobs;
    this.#byAgent = agentCommands;
    this.#requests = requests;
    this.#sent = sent;
    this.#meta = meta;
  }

  create(
    commands: readonly NewCommand[],
    request: { requestId: string; job: string; blobs?: readonly BlobName[] },
  ): { job: string; commands: CommandRecord[]; repeated: boolean } {
    const earlier = this.startedBy(request.requestId);
    if (earlier !== undefined) return { ...earlier, repeated: true };
    const { job, blobs = [] } = request;
    const firstId = this.lastId() + 1n;
    const full = complete(commands, job);
    this.addAll(firstId, full);
    const made = freshCommands(firstId, full);
    for (const { id } of made) this.#blobs.add(id, blobs);
    this.#requests.add({
      ...request,
      // A job without commands has no ids: an empty range.
      firstId: made[0]?.id ?? 1n,
      lastId: made.at(-1)?.id ?? 0n,
      createdAt: made[0]?.createdAt ?? 0,
    });
    this.#meta.count({ commands: made.length });
    return { job, commands: made, repeated: false };
  }

  /** Adds commands with ids that follow each other, above all others. */
  addAll(firstId: bigint, commands: readonly StoredNewCommand[]): void {
    const rows = commands.length > 1 && areAlike(commands)
      ? jsonRows(commands.map((each) => shape.cells(each, OWN_FIELDS)))
      : undefined;
    const [first] = commands;
    if (first === undefined) return;
    if (rows === undefined) {
      commands.forEach((command, index) =>
        this.#db.run(
          INSERT,
          firstId + BigInt(index),
          ...shape.cells(command, NEW_FIELDS),
        )
      );
    } else {
      this.#db.run(
        INSERT_ALL,
        firstId,
        ...shape.cells(first, SHARED_FIELDS),
        rows,
      );
    }
    this.#byAgent.noteAdded(commands.length);
    this.#sent.noteCommands(
      commands.flatMap(({ state }, index) =>
        state === "sent" ? firstId + BigInt(index) : []
      ),
    );
  }

  /** Notes the commands that were made together, for the history, and counts them. */
  noteRequest(request: RequestRecord): void {
    this.#requests.add(request);
    this.#meta.count({
      commands: Number(request.lastId - request.firstId) + 1,
    });
  }

  /** Commands that an earlier request of this id started, except those that have been deleted since. */
  startedBy(
    requestId: string,
  ): { job: string; commands: CommandRecord[] } | undefined {
    const earlier = this.#requests.get(requestId);
    if (earlier === undefined) return undefined;
    const rows = this.#db.all(
      `${SELECT} WHERE id BETWEEN ? AND ? ORDER BY id`,
      earlier.firstId,
      earlier.lastId,
    );
    return { job: earlier.job, commands: records(rows) };
  }

  /**
   * Applies patches.
   *
   * @throws {PiriError} FAILED_PRECONDITION if output before one of them was not kept
   */
  patchAll(patches: readonly CommandPatch[]): void {
    for (const patch of patches) this.patch(patch);
  }

  /**
   * Applies a patch. False if there is no such command.
   *
   * @throws {PiriError} FAILED_PRECONDITION if output before it was not kept
   */
  patch(patch: CommandPatch): boolean {
    const { id, after } = patch;
    if (after !== undefined) this.#requireHeld(id, after);
    const fields = changedFields(patch);
    if (fields.length === 0) return this.has(id);
    const isChanged = this.#db.run(
      this.#updateOf(fields),
      ...shape.cells(patch as CommandRecord, fields),
      id,
    ).changes > 0;
    // It is bound to a connection only in order to be sent over it.
    if (isChanged && patch.session !== undefined) this.#sent.noteCommands([id]);
    return isChanged;
  }

  /**
   * Applies patches of different requests, by few statements. False if one of them has to be told apart: then the caller
   * undoes what was applied, and applies each by itself.
   */
  patchTogether(patches: readonly CommandPatch[]): boolean {
    if (!this.#bulk.apply(patches)) return false;
    this.#sent.noteCommands(
      patches.flatMap(({ id, session }) => session === undefined ? [] : id),
    );
    return true;
  }

  #requireHeld(id: bigint, { stdout, stderr }: Held): void {
    const row = this.#db.get(
      "SELECT stdout_held, stderr_held FROM commands WHERE id = ?",
      id,
    );
    if (row === undefined) return;
    const held = {
      stdout: row["stdout_held"] as bigint,
      stderr: row["stderr_held"] as bigint,
    };
    if (held.stdout >= stdout && held.stderr >= stderr) return;
    throw new PiriError(
      "FAILED_PRECONDITION",
      `Cannot change command ${id}: of its output only ${held.stdout} and ${held.stderr} bytes are held, not ${stdout} and ${stderr}`,
    );
  }

  /** Statement for a patch of these fields. There are few kinds of patches. */
  #updateOf(fields: readonly (keyof CommandRecord)[]): string {
    const key = fields.join();
    const known = this.#updates.get(key);
    if (known !== undefined) return known;
    const update = `UPDATE commands SET ${
      assignments(fields, () => "?")
    } WHERE id = ?`;
    this.#updates.set(key, update);
    return update;
  }

  has(id: bigint): boolean {
    return this.#db.get("SELECT 1 FROM commands WHERE id = ?", id) !==
      undefined;
  }

  /** Nonce of a command; undefined if there is none of this id. */
  nonceOf(id: bigint): bigint | undefined {
    const row = this.#db.get("SELECT nonce FROM commands WHERE id = ?", id);
    return row && shape.part(row, ["nonce"]).nonce;
  }

  get(id: bigint): CommandRecord | undefined {
    const row = this.#db.get(`${SELECT} WHERE id = ?`, id);
    return row && shape.record(row);
  }

  /** Commands of a filter, newest first. */
  list(filter: CommandFilter): CommandRecord[] {
    const { limit, beforeId = HIGHEST_ID, agent, job, states } = filter;
    if (job !== undefined) return this.#listOfJob(job, filter);
    if (states !== undefined) {
      return this.#merged(
        [...new Set(states)].map((state) =>
          agent === undefined
            ? this.#ids(IDS_OF_STATE, state, beforeId, limit)
            : this.#byAgent.idsIn(state, agent, { beforeId, limit })
        ),
        limit,
      );
    }
    if (agent !== undefined) {
      return this.#byAgent.ids(agent, { beforeId, limit })
        .flatMap((id) => this.get(id) ?? []);
    }
    return records(this.#db.all(
      `${SELECT} WHERE id < ? ORDER BY id DESC LIMIT ?`,
      beforeId,
      limit,
    ));
  }

  /** Reads all of the job's commands at most: a job has one for each agent. */
  #listOfJob(
    job: string,
    { limit, beforeId = HIGHEST_ID, agent, states }: CommandFilter,
  ): CommandRecord[] {
    const ofAgent = agent === undefined ? "" : "AND agent = ?";
    const ofStates = states === undefined
      ? ""
      : `AND state IN (${placeholders(states)})`;
    return records(this.#db.all(
      `${SELECT} INDEXED BY commands_by_job
       WHERE job = ? AND id < ? ${ofAgent} ${ofStates} ORDER BY id DESC LIMIT ?`,
      job,
      beforeId,
      ...agent === undefined ? [] : [agent],
      ...states ?? [],
      limit,
    ));
  }

  /**
   * Commands that have not ended, and those whose end is only presumed and happened after `presumedSince`; ordered by
   * id.
   */
  open(presumedSince: number): CommandRecord[] {
    return records(this.#db.all(
      // Otherwise SQLite reads all commands in the order of ids instead of an index of few.
      `${SELECT} WHERE id IN (
         SELECT id FROM commands WHERE state IN ${OPEN}
         UNION ALL
         SELECT id FROM commands INDEXED BY commands_presumed WHERE presumed = 1 AND finished_at >= ?
       )
       ORDER BY id`,
      Math.trunc(presumedSince),
    ));
  }

  countOpen(): number {
    const row = this.#db.get(
      `SELECT count(*) AS n FROM commands WHERE state IN ${OPEN}`,
    );
    return Number(row?.["n"]);
  }

  /** Highest id ever given, even if its command is long deleted. */
  lastId(): bigint {
    const row = this.#db.get(
      "SELECT seq FROM sqlite_sequence WHERE name = 'commands'",
    );
    return row?.["seq"] as bigint;
  }

  /** Makes the next id higher than this one. */
  raiseLastId(id: bigint): void {
    this.#db.run(
      "UPDATE sqlite_sequence SET seq = ? WHERE name = 'commands' AND seq < ?",
      id,
      id,
    );
  }

  #ids(query: string, ...values: SqlValue[]): bigint[] {
    return this.#db.all(query, ...values).map((row) => row["id"] as bigint);
  }

  /** Merges the ids of several states. Each state's commands come in the order of ids, but several together do not. */
  #merged(ids: readonly bigint[][], limit: number): CommandRecord[] {
    return ids.flat().sort((a, b) => a < b ? 1 : -1).slice(0, limit)
      .flatMap((id) => this.get(id) ?? []);
  }
}

/** Error for a command that does not exist; `attempt` says what it was needed for. */
export function commandNotFound(attempt: string, id: bigint): PiriError {
  return new PiriError(
    "NOT_FOUND",
    `Cannot ${attempt} command ${id}: there is no such command`,
  );
}

function records(rows: readonly Row[]): CommandRecord[] {
  return rows.map((row) => shape.record(row));
}
