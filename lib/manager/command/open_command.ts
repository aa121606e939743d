import type { Clock } from "../../base/clock.ts";
import type {
  CommandPatch,
  CommandRecord,
  CommandStateName,
  NewCommand,
  StreamName,
} from "../../store/records.ts";
import { Feed } from "./feed.ts";
import { CommandTrace } from "./command_trace.ts";

/** The states in which a command is not ended. */
export const OPEN_STATES: ReadonlySet<CommandStateName> = new Set([
  "queued",
  "sent",
  "running",
]);

/** How far a command is by its own account. */
export interface ProgressView {
  readonly current: number;
  readonly total: number;
  readonly message: string;
}

/**
 * A command that has not ended, or that someone watches: its record as it will be once all that was asked of the store is
 * done, and what is only known in memory.
 */
export class OpenCommand {
  /** What it was made with. */
  readonly made: NewCommand;
  readonly feed: Feed;
  trace = new CommandTrace();
  /** Bytes that have come in, by stream; what the store holds may be less. */
  readonly received: Record<StreamName, bigint>;
  /** Bytes that are known to be in the store, kept or counted, by stream. */
  readonly recorded: Record<StreamName, bigint>;
  /** Bytes that may be acknowledged, by stream: a watcher that reads slowly may hold them back. */
  readonly held: Record<StreamName, bigint>;
  /** Bytes of output that are or will be kept. */
  kept: bigint;
  /**
   * It was found in the database at the start, and its agent has not been heard since. The database may have come back
   * from a backup, so that even what is queued in it may have run.
   */
  inherited = false;
  /** That it is to be cancelled is on disk, so that its agent may be told. */
  isCancelRecorded: boolean;
  /** Bytes of output that were acknowledged at once when this was last done. */
  promptlyAcknowledged = 0n;
  /** No more output is kept: what is kept must have no holes that a watcher could fall into. */
  full = false;
  progress: ProgressView | undefined;
  /** When progress was last recorded, by the monotonic clock. */
  progressAt = -Infinity;
  readonly #record: { -readonly [K in keyof CommandRecord]: CommandRecord[K] };

  constructor(record: CommandRecord, clock: Clock) {
    this.made = record;
    this.#record = { ...record };
    this.feed = new Feed(clock);
    this.received = { stdout: record.stdoutHeld, stderr: record.stderrHeld };
    this.recorded = { ...this.received };
    this.held = { ...this.received };
    this.kept = record.outputKept;
    this.isCancelRecorded = record.cancelRequestedAt !== null;
  }

  /** As it is now: what comes later does not change it. */
  get record(): CommandRecord {
    return {
      ...this.#record,
      stdoutHeld: this.held.stdout,
      stderrHeld: this.held.stderr,
      outputKept: this.kept,
      progressCurrent: this.progress?.current ?? this.#record.progressCurrent,
      progressTotal: this.progress?.total ?? this.#record.progressTotal,
      progressMessage: this.progress?.message ?? this.#record.progressMessage,
    };
  }

  get id(): bigint {
    return this.#record.id;
  }

  get agent(): string {
    return this.#record.agent;
  }

  get state(): CommandStateName {
    return this.#record.state;
  }

  get isOpen(): boolean {
    return OPEN_STATES.has(this.#record.state);
  }

  /** Whether it is certain that no byte of it has left for its agent. */
  get wasNeverSent(): boolean {
    return this.#record.state === "queued" && !this.inherited;
  }

  /** Takes over what the store was asked to change. Watchers are told by whoever knows that it is durable. */
  apply(patch: CommandPatch): void {
    Object.assign(this.#record, patch);
  }
}
