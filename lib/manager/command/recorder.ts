import {
  type CommandOutput,
  type CommandProgress,
  type CommandResult,
  OutputStream,
} from "../../../proto/gen/piri/agent/v1/agent_messages.ts";
import type { Clock } from "../../base/clock.ts";
import type { Counters } from "../../base/counters.ts";
import { logger } from "../../base/log.ts";
import { tellsSomething } from "../../base/progress.ts";
import type { CommandRecord, StreamName } from "../../store/records.ts";
import type { Store } from "../../store/store.ts";
import { Acknowledger } from "./acknowledger.ts";
import type { Events } from "../events/events.ts";
import type { AgentSession } from "../fleet.ts";
import { OpenCommand } from "./open_command.ts";
import type { OpenCommands } from "./open_commands.ts";
import { changeBy, stageOf } from "./lifecycle.ts";
import { ReportWriter } from "./report_writer.ts";
import { outcomeOf } from "./result.ts";
import type { DisputedResults } from "./disputed_results.ts";

const log = logger("manager", "recorder");

/** Shortest time between two records of a command's progress, in milliseconds. */
const PROGRESS_MS = 1_000;

const STREAMS: ReadonlyMap<OutputStream, StreamName> = new Map([
  [OutputStream.STDOUT, "stdout"],
  [OutputStream.STDERR, "stderr"],
]);

export interface RecorderOptions {
  readonly store: Store;
  readonly open: OpenCommands;
  readonly unfinished: DisputedResults;
  readonly events: Events;
  readonly clock: Clock;
  readonly counters: Counters;
  /** Limit of the output kept of one command in bytes: a quarter for the beginning and the end of each stream. */
  readonly keepBytes: () => bigint;
}

/**
 * Front of all reports of agents: finds the command of each report, and has it recorded and acknowledged.
 *
 * A command is found by the agent of the connection and by the id, never by the id alone. Every report is acknowledged,
 * recorded or not, so that no program and no agent waits for ever.
 */
export class Recorder {
  readonly #store: Store;
  readonly #open: OpenCommands;
  readonly #unfinished: DisputedResults;
  readonly #events: Events;
  readonly #clock: Clock;
  readonly #counters: Counters;
  readonly #keepBytes: () => bigint;
  readonly #acks: Acknowledger;
  readonly #writer: ReportWriter;

  constructor(options: RecorderOptions) {
    this.#store = options.store;
    this.#open = options.open;
    this.#unfinished = options.unfinished;
    this.#events = options.events;
    this.#clock = options.clock;
    this.#counters = options.counters;
    this.#keepBytes = options.keepBytes;
    this.#acks = new Acknowledger(options.open);
    this.#writer = new ReportWriter({ ...options, acks: this.#acks });
  }

  /** Bytes of output from this connection that wait for the disk. */
  unwritten(session: AgentSession): number {
    return this.#writer.unwritten(session);
  }

  progress(
    session: AgentSession,
    progress: CommandProgress,
  ): void | Promise<void> {
    if (this.#writer.hasFailed(session)) return;
    const command = this.#openOf(session, progress.commandId);
    if (command !== undefined) {
      return this.#progress(session, command, progress);
    }
    return this.#find(session, progress.commandId).then((found) => {
      if (found === undefined) this.#counters.add("progress_dropped");
      else this.#progress(session, found, progress);
    });
  }

  #progress(
    session: AgentSession,
    command: OpenCommand,
    { current, total, message }: CommandProgress,
  ): void {
    const progress = { current, total, message };
    const at = this.#clock.now();
    const toldAt = command.progress?.at ?? null;
    command.progress = {
      ...progress,
      at: tellsSomething(progress) ? at : toldAt,
    };
    command.trace.progressAt = at;
    const now = this.#clock.monotonic();
    if (!this.#heard(session, command)) {
      if (now - command.progressAt < PROGRESS_MS) {
        command.touch();
        return;
      }
      this.#writer.patch(session, command, {
        id: command.id,
        progressCurrent: current,
        progressTotal: total,
        progressMessage: message,
        progressAt: command.progress.at,
      });
    }
    command.progressAt = now;
  }

  output(session: AgentSession, output: CommandOutput): void | Promise<void> {
    if (this.#writer.hasFailed(session)) return;
    const stream = STREAMS.get(output.stream);
    if (stream === undefined) {
      this.#counters.add("unknown_streams");
      return;
    }
    const command = this.#openOf(session, output.commandId);
    if (command !== undefined) {
      return this.#output(session, command, { output, stream });
    }
    return this.#find(session, output.commandId).then((found) => {
      if (found !== undefined) {
        return this.#output(session, found, { output, stream });
      }
      this.#counters.add("output_dropped");
      this.#acks.foreign(session, output, stream);
    });
  }

  #output(
    session: AgentSession,
    command: OpenCommand,
    { output, stream }: { output: CommandOutput; stream: StreamName },
  ): void | Promise<void> {
    const piece = command.ledger.take(stream, output, this.#keepBytes());
    if (piece === undefined) {
      this.#counters.add("output_repeated");
      this.#acks.held(session, command);
      return;
    }
    this.#heard(session, command);
    command.trace.outputAt = this.#clock.now();
    // The result is laid over the record in memory: a cut that only the database knows of would be lost with it.
    if (!piece.keep || piece.cut > 0n) {
      command.apply({ id: command.id, truncated: true });
    }
    return this.#writer.output(session, command, piece);
  }

  result(session: AgentSession, result: CommandResult): void | Promise<void> {
    if (this.#writer.hasFailed(session)) return;
    const id = result.commandId;
    if (this.#unfinished.isContradicting(session, result)) {
      return this.#contradicted(session, id);
    }
    const command = this.#openOf(session, id);
    if (command !== undefined) return this.#finish(session, command, result);
    return this.#find(session, id, { isResult: true }).then((found) => {
      // A newer hello may have come since.
      if (this.#unfinished.isContradicting(session, result)) {
        return this.#contradicted(session, id);
      }
      if (found !== undefined) return this.#finish(session, found, result);
      const why = session.unknownIds.has(id)
        ? "is another command here"
        : "is not open here";
      this.#ignore(session, id, { why });
    });
  }

  /** Ignores a result: the command ends by the word of the agent that has it, or by that agent's next hello. */
  #contradicted(session: AgentSession, commandId: bigint): void {
    this.#ignore(session, commandId, {
      why: "a newer hello of this agent listed",
      commandId,
    });
  }

  #ignore(
    session: AgentSession,
    id: bigint,
    { why, ...about }: { why: string; commandId?: bigint },
  ): void {
    const { agent } = session;
    this.#counters.add("results_dropped");
    this.#events.add(
      "result_ignored",
      `agent "${agent}" delivered a result of command ${id}, which ${why}`,
      { agent, ...about },
    );
    this.#acks.final(session, id);
  }

  /** Open command of this id, if it is this agent's. */
  #openOf(session: AgentSession, id: bigint): OpenCommand | undefined {
    const open = this.#open.get(id);
    return open?.agent === session.agent && !session.unknownIds.has(id)
      ? open
      : undefined;
  }

  /** Command of this id, if it is this agent's and has not ended for good. Opens it again if its end was only presumed. */
  async #find(
    session: AgentSession,
    id: bigint,
    { isResult = false } = {},
  ): Promise<OpenCommand | undefined> {
    if (this.#open.get(id) !== undefined) return this.#openOf(session, id);
    if (session.unknownIds.has(id)) return undefined;
    const record = await this.#store.command(id);
    if (record?.agent !== session.agent) return undefined;
    // Open again since: its presumed end could not be recorded.
    const again = this.#open.get(id);
    if (again !== undefined) return again;
    if (stageOf(record) !== "presumed") return undefined;
    // A late report over a replaced connection is older than the hello that did not list the command. Opened again, the
    // command would wait for an agent that may not have it any more. A result ends it at any time.
    if (!isResult && !session.takesCommands) return undefined;
    const command = this.reopen(record);
    // The agent knows better than the Manager, which only presumed.
    this.#heard(session, command);
    return command;
  }

  /** Opens a command again, in memory only: the caller changes its record. */
  reopen(record: CommandRecord): OpenCommand {
    const known = this.#open.get(record.id);
    if (known !== undefined) return known;
    const command = new OpenCommand(record, this.#clock);
    this.#open.add(command);
    this.#events.add(
      "command_found",
      `command ${record.id} on "${record.agent}" is not ${record.state} after all: its agent has it`,
      { agent: record.agent, commandId: record.id },
    );
    return command;
  }

  /** Notes that the agent reports on a command. True for the first report, which makes it running. */
  #heard(session: AgentSession, command: OpenCommand): boolean {
    const patch = changeBy(command, "heard", { at: this.#clock.now() });
    if (patch === undefined) return false;
    this.#writer.patch(session, command, patch);
    return true;
  }

  #finish(
    session: AgentSession,
    command: OpenCommand,
    result: CommandResult,
  ): void | Promise<void> {
    const hasOutput = session.features.has("output");
    // An agent without the feature sends all that was printed as the text of its result.
    const written = hasOutput || result.output === ""
      ? undefined
      : this.#writer.output(
        session,
        command,
        command.ledger.takeText(new TextEncoder().encode(result.output)),
      );
    const outcome = outcomeOf(command, result, {
      at: this.#clock.now(),
      hasOutput,
    });
    this.#writer.end(session, command, outcome);
    log.debug("State of command {id}: {state}", {
      id: command.id,
      state: outcome.state,
    });
    return written;
  }
}
