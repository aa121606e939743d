import {
  type Command,
  type CommandCancel,
  type CommandResult,
  writeCommand,
} from "../../../proto/gen/piri/agent/v1/agent_messages.ts";
import type { Clock } from "../../base/clock.ts";
import { codeOf, messageOf, PiriError } from "../../base/errors.ts";
import type { ReapReceipt } from "../../operations/operation.ts";
import type { Audit } from "../audit/audit_log.ts";
import { refusalFor } from "./acceptance.ts";
import { factsOf, jobOf } from "./command_facts.ts";
import { CommandRecord } from "./command_record.ts";
import type { Journal, JournalEntry } from "../journal/journal.ts";
import type { PolicyGate } from "../policy/policy_gate.ts";
import { judge } from "./judge.ts";
import { keepResult } from "./keep_result.ts";
import type { Translated } from "./legacy_command.ts";
import {
  type FateOf,
  markerOf,
  type PastOptions,
  type Resumed,
  settleAs,
  settlePast,
} from "./settle_past.ts";
import { refusalOf } from "./result.ts";
import { type Progress, RunningCommand } from "./running_command.ts";
import { type Giver, UnbegunCommands } from "./unbegun.ts";
import type { Workers, WorkOutcome, WorkSink } from "../workers/workers.ts";
import { failed, sinkOf } from "./work_sink.ts";
import { encode } from "../../protobuf/protobuf_writer.ts";

/** Parts of a runner. */
export interface RunnerOptions extends PastOptions {
  readonly workers: Workers;
  /** The host's own record of its commands. */
  readonly audit: Audit;
  /** Decides which commands are taken. */
  readonly policy: Pick<
    PolicyGate,
    "judge" | "most" | "claim" | "release" | "keep"
  >;
  /** Requests data from the Manager, over the current connection. */
  readonly request: (
    type: string,
    params: string,
  ) => Promise<string | Uint8Array>;
}

/**
 * Carries out commands and writes their output and results into the journal. It knows no connection: the current
 * connection drains the journal, so that a reconnect in the middle of a command needs no special path.
 */
export class Runner {
  readonly #options: RunnerOptions;
  readonly #journal: Journal;
  readonly #clock: Clock;
  readonly #running = new Map<JournalEntry, RunningCommand>();
  readonly #unbegun: UnbegunCommands;
  readonly #listeners = new Set<(entry: JournalEntry) => void>();
  #idle = Promise.withResolvers<void>();
  /** Count of commands that are being judged or journaled. */
  #accepting = 0;
  #refusing: string | undefined;
  /** True if output waits for acknowledgements, which only a link can bring. */
  #windowed = false;
  #linked = false;
  /** True once there was a connection. */
  #wasLinked = false;

  constructor(options: RunnerOptions) {
    this.#options = options;
    this.#journal = options.journal;
    this.#clock = options.clock;
    this.#unbegun = new UnbegunCommands({
      clock: options.clock,
      refusing: () => this.#refusing,
      judge: async ({ command, dialect }) =>
        await judge(options.policy, command, {
          dialect,
          now: this.#clock.now(),
        }),
      start: (accepted) => this.#start(accepted),
      settled: (entry) => {
        this.#tell(entry);
        this.#rest();
      },
    });
  }

  /**
   * Ends the processes of an earlier run of this agent, and records results for its commands. Takes up the programs that
   * have outlived it. Called once, before the first dial.
   */
  async settlePast(fateOf?: FateOf): Promise<void> {
    for (const resumed of await settlePast(this.#options, fateOf)) {
      this.#start(resumed);
    }
  }

  /** True if it can let programs outlive the agent. */
  get survives(): boolean {
    return this.#options.survivors !== undefined;
  }

  /** Records the outcome of a command that was handed over to this run of the agent. */
  async settle(entry: JournalEntry, outcome: WorkOutcome): Promise<void> {
    await settleAs(entry, outcome, this.#options);
    this.#tell(entry);
  }

  /** Count of commands that run and end with the agent, but for one. */
  othersRunning(than: JournalEntry): number {
    return this.#mortal.filter(({ entry }) => entry !== than).length;
  }

  /** Calls back whenever a command has something to deliver. Returns a function that stops this. */
  onNews(listener: (entry: JournalEntry) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Newest progress of a running command. */
  progressOf(entry: JournalEntry): Progress | undefined {
    return this.#running.get(entry)?.progress;
  }

  /** True if a command has not begun, though its entry may say that it has. */
  isUnbegun(entry: JournalEntry): boolean {
    return this.#unbegun.has(entry);
  }

  /** True if the command runs. A command that is journaled, but neither runs nor is finished, is being started. */
  isRunning(entry: JournalEntry): boolean {
    return this.#running.has(entry);
  }

  /**
   * Takes a command: journals it and starts it. Returns its entry, a refusal for the Manager, or undefined if the
   * command is known already.
   */
  async accept(
    command: Command,
    giver: Giver,
  ): Promise<JournalEntry | CommandResult | undefined> {
    this.#accepting++;
    try {
      return await this.#accept(command, giver);
    } finally {
      this.#accepting--;
      this.#rest();
    }
  }

  async #accept(
    command: Command,
    giver: Giver,
  ): Promise<JournalEntry | CommandResult | undefined> {
    const { commandId: id, nonce } = command;
    const { managerId, dialect } = giver;
    // First, because from here to the journal nothing may wait: no other command may have this id by then.
    const judging = judge(this.#options.policy, command, {
      dialect,
      now: this.#clock.now(),
    });
    const judged = "then" in judging ? await judging : judging;
    if (
      dialect.hasIdentities &&
      this.#journal.find(managerId, id, nonce) !== undefined
    ) {
      return undefined;
    }
    const record = new CommandRecord(
      this.#options,
      factsOf(command, { managerId, dialect }),
    );
    const refusal = refusalFor(command, {
      dialect,
      lastCommandId: this.#journal.lastCommandId,
      running: this.#running.size,
      most: this.#options.policy.most.concurrent,
      refusing: this.#refusing,
      survives: this.survives,
    });
    if (refusal !== undefined) {
      record.refused(refusal);
      return refusal;
    }
    if (judged.refusal !== undefined) {
      record.refused({ output: judged.recorded });
      return refusalOf(id, "REFUSED", judged.refusal);
    }
    const { bounds, used } = judged;
    const { policy } = this.#options;
    const unusable = used && policy.claim(used);
    if (unusable !== undefined) {
      record.refused({ output: `the policy refuses it: ${unusable}` });
      return refusalOf(
        id,
        "REFUSED",
        `Cannot run ${command.type} here: ${unusable}`,
      );
    }
    let entry: JournalEntry | undefined;
    try {
      entry = await this.#journal.accept({
        id,
        nonce,
        managerId,
        command: encode(writeCommand, command),
      });
      record.accepted();
      if (used !== undefined) await policy.keep();
      await this.#unbegun.begin(
        { entry, command, dialect, record, bounds },
        giver,
      );
      return entry;
    } catch (error) {
      if (entry !== undefined) await this.#journal.forget(entry);
      if (used !== undefined) policy.release(used);
      const refusal = refusalOf(
        id,
        codeOf(error),
        `Cannot accept command ${id}: ${messageOf(error)}`,
      );
      record.refused(refusal);
      return refusal;
    }
  }

  /** Begins the commands that waited for a ServerHello, unless it names them as cancelled. */
  release(giver: Giver, cancelled: readonly bigint[]): void {
    this.#unbegun.release(giver, cancelled);
  }

  /** Ends a command. False if there is none: it has ended, or was never here. */
  cancel({ commandId, graceMs }: CommandCancel, managerId: string): boolean {
    if (this.#unbegun.cancel(commandId, managerId)) return true;
    for (const running of this.#running.values()) {
      const { entry } = running;
      if (entry.id !== commandId || entry.managerId !== managerId) continue;
      running.ask("cancelled", graceMs);
      return true;
    }
    return false;
  }

  /** Notes that there is a connection. If `windowed`, it acknowledges output. */
  linkUp(windowed: boolean): void {
    this.#linked = true;
    this.#windowed = windowed;
    for (const running of this.#running.values()) {
      running.linkUp();
      if (this.#wasLinked || !running.isTakenUp) continue;
      void this.#options.survivors?.attach(markerOf(running.entry));
    }
    this.#wasLinked = true;
  }

  /**
   * Notes that the connection is gone. Output continues into the journal, and commands that must not outlive the link
   * get their time limit.
   */
  linkDown(): void {
    if (!this.#linked) return;
    this.#linked = false;
    this.#windowed = false;
    for (const running of this.#running.values()) running.linkDown();
  }

  /** Notes that the Manager holds more of a command's output, so that the command may print more. */
  acknowledged(entry: JournalEntry): void {
    this.#running.get(entry)?.wake();
  }

  /** Refuses commands from now on, for this reason. */
  refuse(reason: string): void {
    this.#refusing = reason;
  }

  /** Ends all running commands, but those whose programs outlive the agent. Resolves once they have ended. */
  async stop(): Promise<void> {
    this.#unbegun.refuseHeld(this.#refusing ?? "the agent stops");
    for (const running of this.#mortal) running.ask("agentStopped");
    while (this.isBusy) await this.#idle.promise;
    for (const running of this.#running.values()) running.leave();
    this.#running.clear();
  }

  /**
   * True if a command runs, waits to begin, or is being judged or journaled. Those that outlive the agent do not count.
   */
  get isBusy(): boolean {
    return this.#mortal.length > 0 || this.#accepting > 0 ||
      this.#unbegun.size > 0;
  }

  /** Running commands that end with the agent. */
  get #mortal(): readonly RunningCommand[] {
    return [...this.#running.values()].filter((each) => each.isMortal);
  }

  #start(resumed: Resumed): void {
    const { entry, command, dialect, record, bounds, found } = resumed;
    const running = new RunningCommand(this.#clock, {
      entry,
      command,
      record,
      most: this.#options.policy.most,
      found,
    });
    this.#running.set(entry, running);
    let job: Translated;
    try {
      job = jobOf(command, dialect);
    } catch (error) {
      void this.#ended(running, failed(error));
      return;
    }
    const handle = this.#options.workers.start({
      commandId: entry.id,
      ...job,
      marker: markerOf(entry),
      ...bounds === undefined ? {} : { bounds },
      ...command.survive
        ? { survival: found === undefined ? "started" : "taken up" }
        : {},
    }, this.#sink(running));
    if (handle === undefined) {
      const why = "Cannot begin: no worker is free";
      void this.#ended(running, failed(new PiriError("BUSY", why)));
      return;
    }
    if (found === undefined) record.started();
    running.begin(handle, () => void this.#giveUp(running));
    if (!this.#linked) running.watchLink();
  }

  #sink(running: RunningCommand): WorkSink {
    return sinkOf(running, {
      request: this.#options.request,
      tell: (entry) => this.#tell(entry),
      mustWait: (running) =>
        running.mustWait &&
        (this.#windowed || running.isTakenUp && !this.#wasLinked),
      ended: (outcome) => void this.#ended(running, outcome),
    });
  }

  /** Ends the processes of a command from here, because its worker did not answer and was given up. */
  async #giveUp(running: RunningCommand): Promise<void> {
    const reaped = await this.#endSurvivors(running.entry);
    const why = "the operation did not end and was given up";
    const error = new PiriError("INTERNAL", why);
    await this.#ended(running, { ...failed(error), reaped });
  }

  #endSurvivors(entry: JournalEntry): Promise<ReapReceipt> {
    return this.#options.endSurvivors(entry.processes, markerOf(entry));
  }

  async #ended(running: RunningCommand, outcome: WorkOutcome): Promise<void> {
    if (outcome.isHandedOver) {
      running.handOver();
      this.#running.delete(running.entry);
      this.#rest();
      return;
    }
    const result = running.end(outcome);
    if (result === undefined) return;
    const { entry } = running;
    await this.#keep(entry, result);
    if (running.isSurvivor) {
      void this.#options.survivors?.remove(markerOf(entry));
    }
    this.#running.delete(entry);
    this.#tell(entry);
    this.#rest();
  }

  #rest(): void {
    if (this.isBusy) return;
    this.#idle.resolve();
    this.#idle = Promise.withResolvers();
  }

  #keep(entry: JournalEntry, result: CommandResult): Promise<void> {
    return keepResult(this.#clock, { entry, result });
  }

  #tell(entry: JournalEntry): void {
    for (const listener of this.#listeners) listener(entry);
  }
}
