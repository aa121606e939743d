import {
  BAD_ENDS,
  type CommandStateName,
  isOpenState,
  OPEN_STATES,
} from "../base/command_state.ts";
import type { BlobName } from "../base/blob.ts";
import { PiriError } from "../base/errors.ts";
import type { BlobRefs } from "./blob_refs.ts";
import {
  commandShape as shape,
  freshCommand,
  NEW_FIELDS,
} from "./command_shape.ts";
import type { Database, Row, SqlValue } from "./database.ts";
import type { RequestRecord, Requests } from "./requests.ts";
import type { SentIds } from "./sent_ids.ts";
import type { Meta } from "./meta.ts";
import type {
  CommandFilter,
  CommandPatch,
  CommandRecord,
  NewCommand,
} from "./records.ts";

const INSERT = `INSERT INTO commands (${shape.names(NEW_FIELDS).join(", ")})
  VALUES (${NEW_FIELDS.map(() => "?").join(", ")})`;

/** With an id that was chosen before. */
const INSERT_AS = `INSERT INTO commands (id, ${
  shape.names(NEW_FIELDS).join(", ")
}) VALUES (?, ${NEW_FIELDS.map(() => "?").join(", ")})`;

const SELECT = `SELECT ${shape.list} FROM commands`;

const OPEN = listOf(OPEN_STATES);

/** In the words of the index on them: SQLite does not use it otherwise. */
const BAD = listOf(BAD_ENDS);

const IDS_OF_STATE =
  "SELECT id FROM commands WHERE state = ? AND id < ? ORDER BY id DESC LIMIT ?";

/** Fields that a patch never has: those that a command is created with, and those that the store counts itself. */
const FIXED_FIELDS: ReadonlySet<string> = new Set(
  [
    "agent",
    "operation",
    "params",
    "nonce",
    "job",
    "createdAt",
    "rerunOf",
    "outputKept",
  ] satisfies (keyof CommandRecord)[],
);

type Held = NonNullable<CommandPatch["after"]>;

const HIGHEST_ID = 2n ** 63n - 1n;

/** Table of commands, open and ended. */
export class Commands {
  readonly #db: Database;
  readonly #requests: Requests;
  readonly #sent: SentIds;
  readonly #meta: Meta;
  readonly #blobs: BlobRefs;
  readonly #updates = new Map<string, string>();

  constructor(
    db: Database,
    { requests, sent, meta, blobs }: {
      requests: Requests;
      sent: SentIds;
      meta: Meta;
      blobs: BlobRefs;
    },
  ) {
    this.#db = db;
    this.#blobs = blobs;
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
    const made = commands.map((each) => {
      const command = { rerunOf: null, saidBy: "", ...each, job };
      const cells = shape.cells(command, NEW_FIELDS);
      const { id } = this.#db.run(INSERT, ...cells);
      if (command.state === "sent") this.#sent.note(command.agent, id);
      return freshCommand(id, command);
    });
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

  /** Adds a command that is recorded as sent, with an id above all others. */
  add(id: bigint, command: Required<NewCommand> & { job: string }): void {
    const cells = shape.cells(command, NEW_FIELDS);
    this.#db.run(INSERT_AS, id, ...cells);
    this.#sent.note(command.agent, id);
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
  patch({ id, after, keys: _told, ...changes }: CommandPatch): boolean {
    if (after !== undefined) this.#requireHeld(id, after);
    const fields = definedFields(changes);
    if (fields.length === 0) return this.has(id);
    const isChanged = this.#db.run(
      this.#updateOf(fields),
      ...shape.cells(changes as CommandRecord, fields),
      id,
    ).changes > 0;
    // It is bound to a connection only in order to be sent over it.
    if (isChanged && changes.session !== undefined) this.#sent.noteCommand(id);
    return isChanged;
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
    const fixed = fields.find((field) => FIXED_FIELDS.has(field));
    if (fixed !== undefined) {
      throw new TypeError(`Cannot patch "${fixed}" of a command: it is fixed`);
    }
    const assignments = shape.names(fields).map((name) =>
      // The store may know of a cut that the one who asks has not heard of yet.
      name === "truncated" ? "truncated = max(truncated, ?)" : `${name} = ?`
    );
    const update = `UPDATE commands SET ${assignments.join(", ")} WHERE id = ?`;
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
            : this.#ids(idsOfAgent(state), agent, state, beforeId, limit)
        ),
        limit,
      );
    }
    if (agent !== undefined) {
      return records(this.#db.all(
        `${SELECT} WHERE agent = ? AND id < ? ORDER BY id DESC LIMIT ?`,
        agent,
        beforeId,
        limit,
      ));
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
      : `AND state IN (${states.map(() => "?").join(", ")})`;
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

/** States as a list in a statement. */
function listOf(states: readonly CommandStateName[]): string {
  return `(${states.map((state) => `'${state}'`).join(", ")})`;
}

/** By whichever index leads past the fewest others. */
function idsOfAgent(state: CommandStateName): string {
  if (isOpenState(state)) return idsBy("commands_by_state");
  return state === "succeeded"
    ? idsBy("commands_by_agent")
    : idsBy("commands_ended_badly", `AND state IN ${BAD}`);
}

function idsBy(index: string, condition = ""): string {
  return `SELECT id FROM commands INDEXED BY ${index}
    WHERE agent = ? AND state = ? ${condition} AND id < ? ORDER BY id DESC LIMIT ?`;
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

function definedFields(
  changes: Omit<CommandPatch, "id" | "after" | "keys">,
): (keyof CommandRecord)[] {
  const fields = Object.keys(changes) as (keyof typeof changes)[];
  return fields.filter((field) => changes[field] !== undefined);
}
