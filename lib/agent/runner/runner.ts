import {
  type Command,
  type CommandCancel,
  type CommandResult,
  OnDisconnect,
  writeCommand,
} from "../../../proto/gen/piri/agent/v1/agent_messages.ts";
import type { Clock, Timer } from "../../base/clock.ts";
import { codeOf, messageOf, type PiriError } from "../../base/errors.ts";
import { Limits } from "../../base/limits.ts";
import { logger } from "../../base/log.ts";
import type { ReapReceipt, StreamName } from "../../operations/operation.ts";
import { refusalBecause, refusalFor } from "./acceptance.ts";
import type { Journal, JournalEntry } from "../journal/journal.ts";
import { cannotWrite, keepResult } from "./keep_result.ts";
import { type Translated, translateLegacy } from "./legacy_command.ts";
import { markerOf, type PastOptions, settlePast } from "./settle_past.ts";
import { refusalOf, resultOf } from "./result.ts";
import { Stopping, type StopReason } from "./stopping.ts";
import type {
  Workers,
  WorkHandle,
  WorkOutcome,
  WorkSink,
} from "../workers/workers.ts";
import { encode } from "../../protobuf/protobuf_writer.ts";
import type { Dialect } from "../../wire/dialect.ts";

const log = logger("agent", "runner");

/** Between SIGTERM and SIGKILL unless the Manager says otherwise, milliseconds. */
const GRACE_MS = 5_000;

/** How far a running command is by its own account. */
export interface Progress {
  readonly current: number;
  readonly total: number;
  readonly message: string;
}

/** What a runner is made of. */
export interface RunnerOptions extends PastOptions {
  readonly workers: Workers;
  /** Asks the Manager for data, over whichever connection is current. */
  readonly request: (
    type: string,
    params: string,
  ) => Promise<string | Uint8Array>;
}

/** The Manager that a command comes from. */
export interface Giver {
  /** The id of its database; empty for a legacy one. */
  readonly managerId: string;
  readonly dialect: Dialect;
}

interface Running {
  readonly entry: JournalEntry;
  readonly command: Command;
  readonly startedAt: number;
  stopping: Stopping;
  timeout: Timer | undefined;
  disconnected: Timer | undefined;
  progress: Progress;
  /** Wakes output that waits for the window. */
  window: PromiseWithResolvers<void>;
  ended: boolean;
}

/**
 * Carries out commands and writes what comes of them into the journal. Knows no connection: whichever is current drains
 * the journal, so that a reconnect in the middle of a command needs no special path.
 */
export class Runner {
  readonly #options: RunnerOptions;
  readonly #journal: Journal;
  readonly #clock: Clock;
  readonly #running = new Map<JournalEntry, Running>();
  readonly #listeners = new Set<(entry: JournalEntry) => void>();
  #idle = Promise.withResolvers<void>();
  /** How many commands are being journaled. */
  #accepting = 0;
  #refusing: string | undefined;
  /** Whether output waits for acknowledgements: only while there is a link that gives some. */
  #windowed = false;
  #linked = false;

  constructor(options: RunnerOptions) {
    this.#options = options;
    this.#journal = options.journal;
    this.#clock = options.clock;
  }

  /** Ends what an earlier run of this agent left behind, and says so. Called once, before the first dial. */
  settlePast(): Promise<void> {
    return settlePast(this.#options);
  }

  /** Calls back whenever a command has something to deliver. Returns how to stop that. */
  onNews(listener: (entry: JournalEntry) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** The newest progress of a command that runs. */
  progressOf(entry: JournalEntry): Progress | undefined {
    return this.#running.get(entry)?.progress;
  }

  /** Whether the command runs; one that is journaled and neither runs nor is finished is being started. */
  isRunning(entry: JournalEntry): boolean {
    return this.#running.has(entry);
  }

  /**
   * Takes a command: journals it and starts it. Returns its entry, a refusal for the Manager, or undefined if the command
   * is known already.
   */
  async accept(
    command: Command,
    { managerId, dialect }: Giver,
  ): Promise<JournalEntry | CommandResult | undefined> {
    const { commandId: id, nonce } = command;
    if (
      dialect.hasIdentities &&
      this.#journal.find(managerId, id, nonce) !== undefined
    ) {
      return undefined;
    }
    const refusal = refusalFor(command, {
      dialect,
      lastCommandId: this.#journal.lastCommandId,
      running: this.#running.size,
      refusing: this.#refusing,
    });
    if (refusal !== undefined) {
      log.info("Refused command {id}: {why}", {
        id: String(id),
        why: refusal.output,
      });
      return refusal;
    }
    let entry: JournalEntry | undefined;
    this.#accepting++;
    try {
      entry = await this.#journal.accept({
        id,
        nonce,
        managerId,
        command: encode(writeCommand, command),
      });
      // Before it starts: an agent that dies from here on cannot say that it had not begun.
      await entry.started();
      // The agent may have been asked to end meanwhile: nobody would wait for what is started now.
      const late = this.#refusing;
      if (late === undefined) this.#start(entry, command, dialect);
      else await this.#keep(entry, refusalBecause(id, late));
      return entry;
    } catch (error) {
      if (entry !== undefined) await this.#journal.forget(entry);
      return refusalOf(
        id,
        codeOf(error),
        `Cannot accept command ${id}: ${messageOf(error)}`,
      );
    } finally {
      this.#accepting--;
      this.#rest();
    }
  }

  /** Ends a command that runs. False if there is none: it has ended, or was never here. */
  cancel({ commandId, graceMs }: CommandCancel, managerId: string): boolean {
    for (const running of this.#running.values()) {
      const { entry } = running;
      if (entry.id !== commandId || entry.managerId !== managerId) continue;
      this.#ask(running, "cancelled", graceMs ?? GRACE_MS);
      return true;
    }
    return false;
  }

  /** There is a connection. `windowed`: it acknowledges output. */
  linkUp(windowed: boolean): void {
    this.#linked = true;
    this.#windowed = windowed;
    for (const running of this.#running.values()) {
      running.disconnected?.cancel();
      running.disconnected = undefined;
      this.#wake(running);
    }
  }

  /** There is none any more: output goes on into the journal, and commands that must not outlive the link get their time. */
  linkDown(): void {
    if (!this.#linked) return;
    this.#linked = false;
    this.#windowed = false;
    for (const running of this.#running.values()) {
      this.#wake(running);
      this.#watchLink(running);
    }
  }

  /** The Manager holds more of a command's output: it may print on. */
  acknowledged(entry: JournalEntry): void {
    const running = this.#running.get(entry);
    if (running !== undefined) this.#wake(running);
  }

  /** Refuses commands from now on, for this reason. */
  refuse(reason: string): void {
    this.#refusing = reason;
  }

  /** Ends everything that runs, and resolves when it has ended. */
  async stop(): Promise<void> {
    for (const running of this.#running.values()) {
      this.#ask(running, "agentStopped", GRACE_MS);
    }
    while (this.#isBusy) await this.#idle.promise;
  }

  #start(entry: JournalEntry, command: Command, dialect: Dialect): void {
    const running: Running = {
      entry,
      command,
      startedAt: this.#clock.now(),
      stopping: new Stopping(this.#clock, NOT_STARTED, () => {}),
      timeout: undefined,
      disconnected: undefined,
      progress: { current: 0, total: 1, message: "" },
      window: Promise.withResolvers(),
      ended: false,
    };
    this.#running.set(entry, running);
    let job: Translated;
    try {
      job = jobOf(command, dialect);
    } catch (error) {
      void this.#ended(running, failed(codeOf(error), messageOf(error)));
      return;
    }
    const handle = this.#options.workers.start({
      commandId: entry.id,
      ...job,
      marker: markerOf(entry),
    }, this.#sink(running));
    if (handle === undefined) {
      void this.#ended(running, failed("BUSY", "no worker is free"));
      return;
    }
    running.stopping = new Stopping(
      this.#clock,
      handle,
      () => void this.#giveUp(running),
    );
    if (command.timeoutMs !== undefined) {
      running.timeout = this.#clock.timer(
        command.timeoutMs,
        () => this.#ask(running, "timedOut", GRACE_MS),
      );
    }
    if (!this.#linked) this.#watchLink(running);
  }

  #sink(running: Running): WorkSink {
    const { entry } = running;
    return {
      started: (identity) => {
        entry.started(identity).catch(cannotWrite);
      },
      output: (stream, bytes) => this.#output(running, stream, bytes),
      progress: (current, total, message) => {
        running.progress = { current, total, message };
        this.#tell(entry);
      },
      request: this.#options.request,
      ended: (outcome) => void this.#ended(running, outcome),
    };
  }

  /** Keeps output; while the Manager is behind by a window, whoever prints waits, unless it is being ended. */
  async #output(
    running: Running,
    stream: StreamName,
    bytes: Uint8Array,
  ): Promise<void> {
    const { entry } = running;
    try {
      await entry.append(stream, bytes);
    } catch (error) {
      cannotWrite(error);
    }
    this.#tell(entry);
    while (
      this.#windowed && running.stopping.reason === undefined && isFull(entry)
    ) {
      await running.window.promise;
    }
  }

  /** The worker does not answer and was left behind: what it started is ended from here. */
  async #giveUp(running: Running): Promise<void> {
    const reaped = await this.#endSurvivors(running.entry);
    await this.#ended(running, {
      ...failed("INTERNAL", "the operation did not end and was given up"),
      reaped,
    });
  }

  #endSurvivors(entry: JournalEntry): Promise<ReapReceipt> {
    return this.#options.endSurvivors(entry.processes, markerOf(entry));
  }

  async #ended(running: Running, outcome: WorkOutcome): Promise<void> {
    if (running.ended) return;
    running.ended = true;
    const { entry, stopping } = running;
    stopping.done();
    running.timeout?.cancel();
    running.disconnected?.cancel();
    this.#wake(running);
    const result = resultOf(outcome, {
      commandId: entry.id,
      asked: stopping.reason,
      startedAt: running.startedAt,
      finishedAt: this.#clock.now(),
      stdoutBytes: entry.produced("stdout"),
      stderrBytes: entry.produced("stderr"),
    });
    await this.#keep(entry, result);
    this.#running.delete(entry);
    this.#tell(entry);
    this.#rest();
  }

  /** Whether anything runs or is about to be journaled. */
  get #isBusy(): boolean {
    return this.#running.size > 0 || this.#accepting > 0;
  }

  #rest(): void {
    if (this.#isBusy) return;
    this.#idle.resolve();
    this.#idle = Promise.withResolvers();
  }

  #keep(entry: JournalEntry, result: CommandResult): Promise<void> {
    return keepResult(this.#clock, { entry, result });
  }

  #watchLink(running: Running): void {
    const { onDisconnect, killAfterMs = 0 } = running.command;
    if (onDisconnect !== OnDisconnect.KILL || running.ended) return;
    running.disconnected = this.#clock.timer(
      killAfterMs,
      () => this.#ask(running, "linkLost", GRACE_MS),
    );
  }

  #ask(running: Running, reason: StopReason, graceMs: number): void {
    running.stopping.ask(reason, graceMs);
    this.#wake(running);
  }

  #wake(running: Running): void {
    running.window.resolve();
    running.window = Promise.withResolvers();
  }

  #tell(entry: JournalEntry): void {
    for (const listener of this.#listeners) listener(entry);
  }
}

/** What is to be done, in our words. */
function jobOf(
  { type, data }: Command,
  { hasPositionalParams }: Dialect,
): Translated {
  return hasPositionalParams
    ? translateLegacy(type, data)
    : { operation: type, params: data };
}

/** Stands in until the worker has the job. */
const NOT_STARTED: WorkHandle = {
  stop() {},
  kill() {},
  abandon() {},
};

function failed(code: PiriError["code"], message: string): WorkOutcome {
  return { success: false, changed: false, errorCode: code, message };
}

function isFull(entry: JournalEntry): boolean {
  const unacknowledged = entry.produced("stdout") + entry.produced("stderr") -
    entry.acknowledged("stdout") - entry.acknowledged("stderr");
  return unacknowledged >= BigInt(Limits.window);
}
