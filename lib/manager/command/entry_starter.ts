import { jobName } from "../../base/job_state.ts";
import { nonce } from "../../base/random.ts";
import type { SignedStatement } from "../../base/signed_work.ts";
import type { EntryMove, JobRecord } from "../../store/job_records.ts";
import type { CommandRecord } from "../../store/records.ts";
import type { AgentSession } from "../fleet.ts";
import type { ManagerParts } from "../manager_parts.ts";
import { signedStatement } from "../signed_request.ts";
import type { Dispatcher } from "./dispatcher.ts";
import type { Fitness } from "./fitness.ts";
import { birthOf } from "./lifecycle.ts";
import { newRecord } from "./new_record.ts";
import { OpenCommand } from "./open_command.ts";
import type { OpenCommands } from "./open_commands.ts";

/** Parts that the start of entries needs. */
export interface EntryStarterOptions
  extends Pick<ManagerParts, "store" | "events" | "clock" | "random"> {
  readonly open: OpenCommands;
  readonly dispatcher: Dispatcher;
  readonly fitness: Fitness;
}

/** An entry of a job whose turn it is, and the connection that takes its command. */
export interface ReadyEntry {
  readonly position: number;
  readonly session: AgentSession;
}

/** Makes the commands of a job's entries: all in one write, before the first byte of any leaves. */
export class EntryStarter {
  readonly #options: EntryStarterOptions;

  constructor(options: EntryStarterOptions) {
    this.#options = options;
  }

  /**
   * Starts entries of a job.
   *
   * @param job The job.
   * @param entries Entries, each on the connection that takes its command.
   * @param options `move` is the step of an entry that starts. `made` is called with what was recorded, before the first
   * byte leaves.
   * @returns Positions of entries that could not start any more.
   * @throws {PiriError} as the store throws: then nothing was started
   */
  async start(
    job: JobRecord,
    entries: readonly ReadyEntry[],
    { move, made }: {
      readonly move: EntryMove;
      readonly made: (
        started: readonly { position: number; record: CommandRecord }[],
      ) => void;
    },
  ): Promise<readonly number[]> {
    const { store, random, fitness } = this.#options;
    const sessions = entries.map(({ session }) => session);
    const nonces = BigUint64Array.from(entries, () => nonce(random));
    fitness.count(sessions, 1);
    try {
      const { firstId, missed } = await store.startEntries({
        job: job.id,
        move,
        positions: entries.map(({ position }) => position),
        agents: sessions.map(({ agent }) => agent),
        instances: sessions.map(({ instance }) => instance),
        sessions: BigUint64Array.from(sessions, ({ session }) => session),
        nonces,
      });
      const left = new Set(missed);
      let id = firstId;
      const started = entries.flatMap(({ position, session }, index) => {
        if (left.has(position)) return [];
        const record = recordOf(job, session, {
          id: id++,
          nonce: nonces[index] ?? 0n,
          at: move.at,
        });
        return [{ position, session, record }];
      });
      this.#begin(started, { made, signed: signedStatement(job.signed) });
      return missed;
    } finally {
      fitness.count(sessions, -1);
    }
  }

  #begin(
    started: readonly {
      position: number;
      session: AgentSession;
      record: CommandRecord;
    }[],
    { made, signed }: {
      readonly made: (
        started: readonly { position: number; record: CommandRecord }[],
      ) => void;
      readonly signed: SignedStatement | undefined;
    },
  ): void {
    const { open, clock, dispatcher, events } = this.#options;
    const commands = started.map(({ record, session }) => {
      const command = new OpenCommand(record, clock, { signed });
      open.add(command);
      return { command, session };
    });
    made(started);
    events.commandsRequested(started.map(({ record }) => record));
    for (const { command, session } of commands) {
      dispatcher.send(command, session);
    }
  }
}

function recordOf(
  job: JobRecord,
  session: AgentSession,
  { id, nonce, at }: { id: bigint; nonce: bigint; at: number },
): CommandRecord {
  return newRecord(id, {
    agent: session.agent,
    operation: job.operation,
    params: job.params,
    nonce,
    job: jobName(job.id),
    requestedBy: job.requestedBy,
    saidBy: job.saidBy,
    timeoutMs: job.timeoutMs,
    onDisconnect: job.onDisconnect,
    killAfterMs: job.killAfterMs,
    survive: job.survive,
    ...birthOf(session, at),
    createdAt: at,
    rerunOf: null,
  });
}
