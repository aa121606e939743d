import {
  type Command,
  type CommandResult,
  OnDisconnect,
} from "../../../proto/gen/piri/agent/v1/agent_messages.ts";
import type { Clock, Timer } from "../../base/clock.ts";
import { Limits } from "../../base/limits.ts";
import type { JournalEntry } from "../journal/journal.ts";
import type { FoundSurvivor } from "../survivors/survivors.ts";
import type { WorkHandle, WorkOutcome } from "../workers/workers.ts";
import type { CommandRecord } from "./command_record.ts";
import { resultOf } from "./result.ts";
import type { Most } from "../policy/policy_schema.ts";
import { Stopping, type StopReason } from "./stopping.ts";

/** Default time between SIGTERM and SIGKILL, in milliseconds. */
const GRACE_MS = 5_000;

/** Progress of a running command, as its operation reports it. */
export interface Progress {
  readonly current: number;
  readonly total: number;
  readonly message: string;
}

/** Placeholder until the worker has the command. */
const NOT_STARTED: WorkHandle = {
  stop() {},
  kill() {},
  abandon() {},
};

/** Running command: its time limits, its progress, and the wait of its output for the Manager. */
export class RunningCommand {
  readonly entry: JournalEntry;
  progress: Progress = { current: 0, total: 1, message: "" };
  readonly #clock: Clock;
  readonly #command: Command;
  readonly #record: CommandRecord;
  readonly #most: Most;
  readonly #startedAt: number;
  /** Time that it ran before this run of the agent, in milliseconds. */
  readonly #elapsedMs: number;
  /** True if an earlier run of the agent has started it. */
  readonly isTakenUp: boolean;
  #isLeft = false;
  #stopping: Stopping;
  #timeout: Timer | undefined;
  #disconnected: Timer | undefined;
  #waiting = Promise.withResolvers<void>();
  #ended = false;

  constructor(
    clock: Clock,
    { entry, command, record, most, found }: {
      readonly entry: JournalEntry;
      readonly command: Command;
      readonly record: CommandRecord;
      /** Limits of the policy. */
      readonly most: Most;
      /** Program of an earlier run of the agent that is taken up; undefined if it starts now. */
      readonly found?: FoundSurvivor | undefined;
    },
  ) {
    this.entry = entry;
    this.#clock = clock;
    this.#command = command;
    this.#record = record;
    this.#most = most;
    this.#startedAt = found?.startedAt ?? clock.now();
    this.#elapsedMs = found?.elapsedMs ?? 0;
    this.isTakenUp = found !== undefined;
    this.#stopping = new Stopping(clock, NOT_STARTED, () => {});
  }

  /** Begins its time limits. Calls `giveUp` if the worker does not end it when asked, nor by force. */
  begin(handle: WorkHandle, giveUp: () => void): void {
    this.#stopping = new Stopping(this.#clock, handle, giveUp);
    const { timeoutMs = Infinity } = this.#command;
    const { timeout = Infinity } = this.#most;
    const limit = Math.min(timeoutMs, timeout);
    if (limit === Infinity) return;
    this.#timeout = this.#clock.timer(
      Math.max(0, limit - this.#elapsedMs),
      () => this.ask(timeout < timeoutMs ? "policyTime" : "timedOut"),
    );
  }

  /** True while the Manager is behind by a whole window. A command that is being ended never has to wait. */
  get mustWait(): boolean {
    return this.#stopping.reason === undefined && isFull(this.entry);
  }

  /** Ends the command if it has printed more than it may. */
  printed(): void {
    const { output = Infinity } = this.#most;
    const printed = this.entry.produced("stdout") +
      this.entry.produced("stderr");
    if (Number(printed) > output) this.ask("policyOutput");
  }

  /** True if its program outlives the agent. */
  get isSurvivor(): boolean {
    return this.#command.survive;
  }

  /** True if it must end before the agent does. */
  get isMortal(): boolean {
    return !this.isSurvivor || this.#stopping.reason !== undefined;
  }

  /** True once this run of the agent has left it to the next one. */
  get isLeft(): boolean {
    return this.#isLeft;
  }

  /** Leaves it to the next run of the agent. What its work still tells is dropped: the next run reads it again. */
  leave(): void {
    this.#isLeft = true;
    this.handOver();
  }

  /** Resolves when output that waits must look again if it may continue. */
  get woken(): Promise<void> {
    return this.#waiting.promise;
  }

  wake(): void {
    this.#waiting.resolve();
    this.#waiting = Promise.withResolvers();
  }

  /** Notes that a program which must not be ended half done begins, or is over. */
  shield(isOn: boolean): void {
    this.#stopping.shield(isOn);
  }

  /** Asks for its end. */
  ask(reason: StopReason, graceMs = GRACE_MS): void {
    // First, because the end may come before the worker's `stop` returns.
    if (!this.#ended && this.#stopping.reason === undefined) {
      this.#record.cancelled(reason);
    }
    this.#stopping.ask(reason, graceMs);
    this.wake();
  }

  /** Ends its time limits: it goes on without this run of the agent. */
  handOver(): void {
    this.#ended = true;
    this.#stopping.done();
    this.#timeout?.cancel();
    this.#disconnected?.cancel();
    this.wake();
  }

  linkUp(): void {
    this.#disconnected?.cancel();
    this.#disconnected = undefined;
    this.wake();
  }

  linkDown(): void {
    this.wake();
    this.watchLink();
  }

  /** Limits its time without a link, if it must not outlive the link. */
  watchLink(): void {
    const { onDisconnect, killAfterMs = 0 } = this.#command;
    if (onDisconnect !== OnDisconnect.KILL || this.#ended) return;
    this.#disconnected = this.#clock.timer(
      killAfterMs,
      () => this.ask("linkLost"),
    );
  }

  /** Ends its time limits and returns its result; undefined if it has ended before. */
  end(outcome: WorkOutcome): CommandResult | undefined {
    if (this.#ended) return undefined;
    this.handOver();
    const result = resultOf(outcome, {
      commandId: this.entry.id,
      asked: this.#stopping.reason,
      startedAt: this.#startedAt,
      finishedAt: this.#clock.now(),
      stdoutBytes: this.entry.produced("stdout"),
      stderrBytes: this.entry.produced("stderr"),
    });
    this.#record.ended(result);
    return result;
  }
}

function isFull(entry: JournalEntry): boolean {
  const unacknowledged = entry.produced("stdout") + entry.produced("stderr") -
    entry.acknowledged("stdout") - entry.acknowledged("stderr");
  return unacknowledged >= BigInt(Limits.window);
}
