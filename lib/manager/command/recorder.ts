import {
  type CommandOutput,
  type CommandProgress,
  type CommandResult,
  OutputStream,
} from "../../../proto/gen/piri/agent/v1/agent_messages.ts";
import type { Clock } from "../../base/clock.ts";
import type { Counters } from "../../base/counters.ts";
import { PiriError } from "../../base/errors.ts";
import { Limits } from "../../base/limits.ts";
import { logger } from "../../base/log.ts";
import type { CommandRecord, StreamName } from "../../store/records.ts";
import type { Store } from "../../store/store.ts";
import { Acknowledger } from "./acknowledger.ts";
import type { Events } from "../events.ts";
import type { AgentSession } from "../fleet.ts";
import { OpenCommand } from "./open_command.ts";
import type { OpenCommands } from "./open_commands.ts";
import { patchOfResult, type ResultPatch } from "./result.ts";
import type { DisputedResults } from "./disputed_results.ts";

const log = logger("manager", "recorder");

/** Of progress one record a second, milliseconds. */
const PROGRESS_MS = 1_000;

/** An agent whose output waits for the disk with more than so many bytes is not read until some of it is written. */
const UNWRITTEN_BYTES = 4 * 1_048_576;

const STREAMS: ReadonlyMap<OutputStream, StreamName> = new Map([
  [OutputStream.STDOUT, "stdout"],
  [OutputStream.STDERR, "stderr"],
]);

/** What a recorder is made of. */
export interface RecorderOptions {
  readonly store: Store;
  readonly open: OpenCommands;
  readonly unfinished: DisputedResults;
  readonly events: Events;
  readonly clock: Clock;
  readonly counters: Counters;
  /** Output kept of one command, both streams, bytes. */
  readonly keepBytes: bigint;
}

/**
 * Records what agents tell of commands, by the connection's agent and the id, and has acknowledged what is durable.
 *
 * Whatever an agent tells is acknowledged, recorded or not, so that no child and no agent waits for ever.
 */
export class Recorder {
  readonly #store: Store;
  readonly #open: OpenCommands;
  readonly #unfinished: DisputedResults;
  readonly #events: Events;
  readonly #clock: Clock;
  readonly #counters: Counters;
  readonly #keepBytes: bigint;
  readonly #acks: Acknowledger;
  readonly #unwritten = new WeakMap<AgentSession, number>();
  /** Connections of which something could not be recorded: all that was not acknowledged comes again over the next. */
  readonly #failed = new WeakSet<AgentSession>();

  constructor(options: RecorderOptions) {
    this.#store = options.store;
    this.#open = options.open;
    this.#unfinished = options.unfinished;
    this.#events = options.events;
    this.#clock = options.clock;
    this.#counters = options.counters;
    this.#keepBytes = options.keepBytes;
    this.#acks = new Acknowledger(options.open);
  }

  /** Bytes of output from this connection that wait for the disk. */
  unwritten(session: AgentSession): number {
    return this.#unwritten.get(session) ?? 0;
  }

  progress(
    session: AgentSession,
    progress: CommandProgress,
  ): void | Promise<void> {
    if (this.#failed.has(session)) return;
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
    command.progress = { current, total, message };
    command.trace.progressAt = this.#clock.now();
    const begins = command.state !== "running";
    const now = this.#clock.monotonic();
    if (begins) this.#begin(session, command);
    else if (now - command.progressAt >= PROGRESS_MS) {
      this.#patch(session, command, {
        progressCurrent: current,
        progressTotal: total,
        progressMessage: message,
      });
    } else {
      command.feed.touch();
      return;
    }
    command.progressAt = now;
  }

  output(session: AgentSession, output: CommandOutput): void | Promise<void> {
    if (this.#failed.has(session)) return;
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
    const received = command.received[stream];
    const end = output.offset + BigInt(output.bytes.length);
    const gap = output.offset - received;
    if (gap > 0n && output.cut < gap) {
      throw new PiriError(
        "PROTOCOL_VIOLATION",
        `Cannot record the ${stream} of command ${command.id}: it goes on at byte ${output.offset}, and ${received} were received`,
      );
    }
    if (end <= received) {
      this.#counters.add("output_repeated");
      this.#acks.held(session, command);
      return;
    }
    if (command.state !== "running") this.#begin(session, command);
    command.received[stream] = end;
    command.trace.outputAt = this.#clock.now();
    const bytes = gap >= 0n
      ? output.bytes
      : output.bytes.subarray(Number(-gap));
    const size = BigInt(bytes.length);
    command.full ||= command.kept + size > this.#keepBytes;
    // The record here is what the result is laid over: a cut that only the database knows of would be lost with it.
    if (command.full || gap > 0n) {
      command.apply({ id: command.id, truncated: true });
    }
    if (!command.full) command.kept += size;
    return this.#write(session, command, {
      stream,
      offset: end - size,
      bytes,
      cut: gap > 0n ? gap : 0n,
      keep: !command.full,
    });
  }

  result(session: AgentSession, result: CommandResult): void | Promise<void> {
    if (this.#failed.has(session)) return;
    const id = result.commandId;
    if (this.#unfinished.isContradicting(session, result)) {
      return this.#contradicted(session, id);
    }
    const command = this.#openOf(session, id);
    if (command !== undefined) return this.#finish(session, command, result);
    return this.#find(session, id, { isResult: true }).then((found) => {
      // A newer hello may have come meanwhile.
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

  /** What has not finished ends by the word of who has it, or by its next hello. */
  #contradicted(session: AgentSession, commandId: bigint): void {
    this.#ignore(session, commandId, {
      why: "a newer hello of this agent listed as not finished",
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

  /** The command if it is the agent's and open. */
  #openOf(session: AgentSession, id: bigint): OpenCommand | undefined {
    const open = this.#open.get(id);
    return open?.agent === session.agent && !session.unknownIds.has(id)
      ? open
      : undefined;
  }

  /** The command if it is the agent's and not ended for certain. One that is presumed to have ended is opened again. */
  async #find(
    session: AgentSession,
    id: bigint,
    { isResult = false } = {},
  ): Promise<OpenCommand | undefined> {
    if (this.#open.get(id) !== undefined) return this.#openOf(session, id);
    if (session.unknownIds.has(id)) return undefined;
    const record = await this.#store.command(id);
    if (record?.agent !== session.agent) return undefined;
    // Open again by now: its presumed end could not be recorded.
    const again = this.#open.get(id);
    if (again !== undefined) return again;
    if (!record.presumed) return undefined;
    // What comes late on a connection that was replaced is older than the hello that did not list the command: opened
    // again, it would wait for an agent that may not have it any more. A result ends it whenever it comes.
    if (!isResult && !session.takesCommands) return undefined;
    const command = this.reopen(record);
    // The agent knows better than the presumption.
    this.#begin(session, command);
    return command;
  }

  /** Takes a command whose end was presumed for one that has not ended, in memory; its record is the caller's business. */
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

  #begin(session: AgentSession, command: OpenCommand): void {
    this.#patch(session, command, {
      state: "running",
      presumed: false,
      reason: "",
      finishedAt: null,
      startedAt: command.record.startedAt ?? this.#clock.now(),
    });
  }

  /** Records a change that nobody waits for; if it cannot be, the agent is asked to come back. */
  #patch(
    session: AgentSession,
    command: OpenCommand,
    patch: Omit<Parameters<Store["patchCommand"]>[0], "id">,
  ): void {
    command.apply({ id: command.id, ...patch });
    this.#store.patchCommand({ id: command.id, ...patch }).then(
      () => command.feed.touch(),
      (error) => this.#cannotRecord(session, error),
    );
  }

  #write(
    session: AgentSession,
    command: OpenCommand,
    piece: Parameters<Store["appendOutput"]>[1],
  ): void | Promise<void> {
    const { stream, offset, bytes, cut, keep } = piece;
    const size = bytes.length;
    const end = offset + BigInt(size);
    const cost = size + Limits.pieceOverhead;
    const unwritten = (this.#unwritten.get(session) ?? 0) + cost;
    this.#unwritten.set(session, unwritten);
    const written = this.#store.appendOutput(command.id, piece)
      .then(() => {
        command.recorded[stream] = end;
        const number = command.feed.push({
          stream,
          offset,
          bytes,
          cut,
          kept: keep,
        });
        const acknowledge = () => {
          if (end > command.held[stream]) command.held[stream] = end;
          this.#acks.held(session, command);
        };
        if (keep) acknowledge();
        // Not waited for: a slow watcher holds back the acknowledgement, not the reading of the agent's connection.
        else void command.feed.passed(number).then(acknowledge);
      }, (error) => {
        // Not by `catch`, which would come after the next piece was found to be recorded. It comes again, from what is
        // held on.
        command.received[stream] = command.recorded[stream];
        if (keep) command.kept -= BigInt(size);
        this.#cannotRecord(session, error);
      })
      .finally(() => {
        this.#unwritten.set(
          session,
          (this.#unwritten.get(session) ?? cost) - cost,
        );
      });
    return unwritten > UNWRITTEN_BYTES ? written : undefined;
  }

  #finish(
    session: AgentSession,
    command: OpenCommand,
    result: CommandResult,
  ): void | Promise<void> {
    const takeBack = this.#closed(command);
    if (session.features.has("output") || result.output === "") {
      return this.#end(session, command, { result, takeBack });
    }
    return this.#textAsOutput(session, command, result.output)
      .then(() => this.#end(session, command, { result, takeBack }));
  }

  #end(
    session: AgentSession,
    command: OpenCommand,
    { result, takeBack }: { result: CommandResult; takeBack: () => void },
  ): void {
    // The end is not to be kept where output before it could not be: both come again.
    const after = { ...command.received };
    const patch = patchOfResult(command, result, {
      at: this.#clock.now(),
      hasOutput: session.features.has("output"),
    });
    for (const stream of ["stdout", "stderr"] as const) {
      // What did not come will not come: the result closes both streams.
      const held = patch[`${stream}Held`];
      if (held > command.held[stream]) command.held[stream] = held;
      if (held > command.received[stream]) command.received[stream] = held;
    }
    command.apply(patch);
    this.#store.patchCommand({ ...patch, after }).then(
      () => {
        Object.assign(command.recorded, command.held);
        command.feed.finish();
        this.#acks.final(session, command.id, command.held);
        if (session.features.has("ack")) {
          command.trace.resultAcknowledgedAt = this.#clock.now();
        }
      },
      (error) => {
        takeBack();
        this.#cannotRecord(session, error);
      },
    );
    if (patch.state !== "succeeded") {
      this.#events.add(
        `command_${patch.state}`,
        `command ${command.id} (${command.record.operation}) on "${command.agent}": ${
          patch.reason || describeExit(patch)
        }`,
        { agent: command.agent, commandId: command.id },
      );
    }
    log.debug("command {id} is {state}", {
      id: command.id,
      state: patch.state,
    });
  }

  /** From here on a second result is one of a command that is not open. Returns how to open it again as it was. */
  #closed(command: OpenCommand): () => void {
    const { record } = command;
    const held = { ...command.held };
    this.#open.remove(command);
    return () => {
      command.apply(record);
      Object.assign(command.held, held);
      // Output that came before it may not have been recorded either.
      Object.assign(command.received, command.recorded);
      this.#open.add(command);
    };
  }

  /** An agent without the feature tells all that was printed in its result. */
  async #textAsOutput(
    session: AgentSession,
    command: OpenCommand,
    text: string,
  ): Promise<void> {
    const bytes = new TextEncoder().encode(text);
    command.received.stdout += BigInt(bytes.length);
    command.kept += BigInt(bytes.length);
    await this.#write(session, command, {
      stream: "stdout",
      offset: command.received.stdout - BigInt(bytes.length),
      bytes,
      cut: 0n,
      keep: true,
    });
  }

  #cannotRecord(session: AgentSession, error: unknown): void {
    // What an agent without acknowledgements tells comes only once.
    if (session.features.has("ack")) this.#failed.add(session);
    log.error("Cannot record what agent {agent} tells: {error}", {
      agent: session.agent,
      error,
    });
    session.busy();
  }
}

function describeExit(
  { exitCode, signal, state }: ResultPatch,
): string {
  if (signal !== null) return `ended by ${signal}`;
  return exitCode === null ? state : `exit code ${exitCode}`;
}
