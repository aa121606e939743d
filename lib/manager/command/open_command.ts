import type { CommandStateName } from "../../base/command_state.ts";
import type { Clock } from "../../base/clock.ts";
import type { SignedStatement } from "../../base/signed_work.ts";
import type {
  CommandPatch,
  CommandRecord,
  NewCommand,
  OutputFigures,
} from "../../store/records.ts";
import type { Rights } from "../api/operator_api.ts";
import { CommandTrace } from "./command_trace.ts";
import { Feed } from "./feed.ts";
import { Ledger } from "./ledger.ts";
import type { Stage, Subject } from "./life_events.ts";
import { isOpenStage, stageOf } from "./lifecycle.ts";

type Changeable = { -readonly [K in keyof CommandRecord]: CommandRecord[K] };

/** Progress of a command by its own account. */
export interface ProgressView {
  readonly current: number;
  readonly total: number;
  readonly message: string;
  /** Time of the newest progress that told something; null if none did. */
  readonly at: number | null;
}

/**
 * A command that has not ended, or that someone watches: its record including writes that are still pending, plus state
 * that is never stored.
 */
export class OpenCommand implements Subject {
  /** The fields that it was made with. */
  readonly made: NewCommand;
  /** Statement that it is sent with, and its signatures. It is sent in this run of the Manager, or never. */
  readonly signed: SignedStatement | undefined;
  readonly ledger: Ledger;
  trace = new CommandTrace();
  progress: ProgressView | undefined;
  /** Progress that the record tells. */
  #toldProgress: ProgressView | undefined;
  /** Time of the last recorded progress, by the monotonic clock. */
  progressAt = -Infinity;
  readonly #clock: Clock;
  /** Output for watchers; made with the first one, or with the first output. */
  #feed: Feed | undefined;
  #isFinished = false;
  #record: CommandRecord;
  /** True if somebody else may have the record: a change is then made to a copy. */
  #isShared = true;
  readonly #rights: Rights | undefined;
  #stage: Stage;
  #cancelIsRecorded: boolean;

  constructor(
    record: CommandRecord,
    clock: Clock,
    { isFound = false, rights, signed }: {
      /** Statement of operators that it is sent with, and its signatures; none if absent. */
      readonly signed?: SignedStatement | undefined;
      /** Rights of the operator who asked for it; all if absent. */
      readonly rights?: Rights | undefined;
      /** True if it was open in the database when the Manager started, and its agent was not heard since. */
      readonly isFound?: boolean;
    } = {},
  ) {
    this.made = record;
    this.signed = signed;
    this.#rights = rights;
    this.#record = record;
    const stage = stageOf(record);
    this.#stage = isFound && stage === "queued" ? "found" : stage;
    this.#cancelIsRecorded = record.cancelRequestedAt !== null;
    this.#clock = clock;
    this.ledger = new Ledger(record);
  }

  /** The record as it is now: later changes do not change it. */
  get record(): CommandRecord {
    if (!this.ledger.isToldBy(this.#record)) {
      const { held, kept } = this.ledger;
      const own = this.#own();
      own.stdoutHeld = held.stdout;
      own.stderrHeld = held.stderr;
      own.outputKept = kept;
    }
    if (this.#toldProgress !== this.progress) this.#tellProgress();
    this.#isShared = true;
    return this.#record;
  }

  /** The record, to be changed: a copy if somebody else has it. */
  #own(): Changeable {
    if (this.#isShared) {
      this.#record = { ...this.#record };
      this.#isShared = false;
    }
    return this.#record;
  }

  /** Writes the newest progress into the record. */
  #tellProgress(): void {
    this.#toldProgress = this.progress;
    if (this.progress === undefined) return;
    const { current, total, message, at } = this.progress;
    const own = this.#own();
    own.progressCurrent = current;
    own.progressTotal = total;
    own.progressMessage = message;
    own.progressAt = at ?? own.progressAt;
  }

  /** Output for watchers. */
  get feed(): Feed {
    if (this.#feed === undefined) {
      this.#feed = new Feed(this.#clock);
      if (this.#isFinished) this.#feed.finish();
    }
    return this.#feed;
  }

  /** Wakes watchers for a change that is not output. */
  touch(): void {
    this.#feed?.touch();
  }

  /** Tells watchers that the end is recorded, and that no more output comes. */
  finish(): void {
    this.#isFinished = true;
    this.#feed?.finish();
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

  get stage(): Stage {
    return this.#stage;
  }

  get isOpen(): boolean {
    return isOpenStage(this.#stage);
  }

  /** True once a request to cancel it is on disk, so that its agent may be told. */
  get cancelIsRecorded(): boolean {
    return this.#cancelIsRecorded;
  }

  /** Reason why it must not be sent now, although it was allowed when it was asked for; undefined if it may. */
  get refusal(): string | undefined {
    return this.#rights?.refusal(this.made, this.made.agent);
  }

  /** Takes over what the store told after it recorded output. */
  noteOutput({ outputKept, truncated }: OutputFigures): void {
    this.ledger.noteKept(outputKept);
    if (truncated) this.#own().truncated = true;
  }

  noteCancelRecorded(): void {
    this.#cancelIsRecorded = true;
  }

  /** Takes over what the store was asked to change. Watchers are told by whoever knows that it is durable. */
  apply(patch: CommandPatch): void {
    Object.assign(this.#own(), patch);
    if (patch.state !== undefined) this.#stage = stageOf(this.#record);
  }

  /** Takes back a patch that the store did not take. `before` is from before it was applied. */
  restore(
    before: Pick<Subject, "record" | "stage">,
    patch: CommandPatch,
  ): void {
    const values = new Map(Object.entries(before.record));
    const own = this.#own();
    for (const field of Object.keys(patch)) {
      Object.assign(own, { [field]: values.get(field) });
    }
    if (patch.state !== undefined) this.#stage = before.stage;
  }
}
