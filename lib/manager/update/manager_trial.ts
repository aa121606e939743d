import type { Clock } from "../../base/clock.ts";
import { messageOf } from "../../base/errors.ts";
import { logger } from "../../base/log.ts";
import type { Installed } from "../../update/slot_links.ts";
import { StepTimer } from "../../update/step_timer.ts";
import {
  type NoteFiles,
  readUpdateNote,
  type UpdateNote,
  writeUpdateNote,
} from "../../update/update_note.ts";

const log = logger("manager", "update");

/** Time between two looks at the Manager, in milliseconds. */
const LOOK_MS = 1_000;

/** Means of a trial. */
export interface ManagerTrialParts {
  readonly files: NoteFiles;
  /** State folder. */
  readonly dir: string;
  readonly clock: Clock;
  readonly installed: Installed;
  /** Ends this Manager, so that it is started again. */
  readonly restart: (cause: string) => void;
  /** Version of the schema that its database has while it serves. */
  readonly schema: number;
}

/**
 * The last update of this Manager, as it was found at the start.
 *
 * The way back must lose nothing that was accepted. Until the Manager listens, nothing was: a version that has changed the
 * database goes back with the copy from before. From then on, such a version goes back by no automatic means. One that has
 * not changed the database can go back at any time on trial, because the version before reads what it has written.
 */
export class ManagerTrial {
  readonly #parts: ManagerTrialParts;
  readonly #clock: Clock;
  #note: UpdateNote | undefined;
  /** Asks the Manager how it works; undefined until it serves. */
  #probe: (() => Promise<{ connected: number }>) | undefined;
  /** Time since which it works without a break, by the monotonic clock. */
  #since: number | undefined;
  #isUpgrading = false;
  #news: () => void = () => {};
  #detail = "";
  readonly #look: StepTimer;
  readonly #deadline: StepTimer;
  #stopped = false;

  private constructor(parts: ManagerTrialParts, note: UpdateNote | undefined) {
    this.#parts = parts;
    this.#clock = parts.clock;
    this.#look = new StepTimer(parts.clock, log);
    this.#deadline = new StepTimer(parts.clock, log);
    this.#note = note;
  }

  /** Reads what the installation has left. A note that cannot be read is none: the Manager has to start. */
  static async find(parts: ManagerTrialParts): Promise<ManagerTrial> {
    try {
      const note = await readUpdateNote(parts.files, parts.dir);
      return new ManagerTrial(parts, note);
    } catch (error) {
      const trial = new ManagerTrial(parts, undefined);
      trial.#news = () => log.error("{error}", { error: messageOf(error) });
      return trial;
    }
  }

  /** True if this version is on trial. */
  get isOn(): boolean {
    return this.#note?.state === "trial" && this.#isNamed("to");
  }

  /** Version of the schema of the copy that leads back to the version before; undefined if there is none. */
  get schema(): number | undefined {
    return this.isOn ? this.#note?.schema : undefined;
  }

  /** Begins the trial, or takes up that the version after this one was given up. */
  async begin(): Promise<void> {
    const note = this.#note;
    if (note === undefined) return;
    if (note.state === "back" && this.#isNamed("from")) {
      const { from, to, reason } = note;
      this.#news = () =>
        log.warning(
          "Version {to} was given up, and {from} runs again: {reason}",
          { to, from, reason },
        );
      await this.#write({ ...note, state: "failed" })
        .catch((error) => log.error("{error}", { error: messageOf(error) }));
    }
    if (!this.isOn) return;
    const { from, to, confirmMs, deadline } = note;
    this.#news = () =>
      log.warning(
        "Version {to} is on trial: it goes back to {from} unless it works for {time} s",
        { to, from, time: confirmMs / 1_000 },
      );
    this.#watch(deadline - this.#clock.now());
  }

  /** Says in the log what has begun, once: there is a log only after the settings are read. */
  announce(): void {
    this.#news();
    this.#news = () => {};
  }

  /** Notes whether the database is changed now: however long that takes, it is not interrupted. */
  upgrading(isOn: boolean): void {
    if (isOn === this.#isUpgrading) return;
    this.#isUpgrading = isOn;
    const note = this.#note;
    // It has its time from then on.
    if (!isOn && this.isOn && note !== undefined) this.#watch(note.trialMs);
  }

  /**
   * Notes, before the Manager listens, that something may be accepted from now on.
   *
   * @throws {PiriError} DENIED, DISK: then nothing must be accepted
   */
  async opens(agents: number): Promise<void> {
    const note = this.#note;
    if (note === undefined || !this.isOn) return;
    // Later starts know less: they count from a trial that may have seen no agent.
    await this.#write({
      ...note,
      served: true,
      agents: note.agents ?? agents,
    });
  }

  /** Begins to look whether the Manager works, which has just begun to listen. */
  serves(probe: () => Promise<{ connected: number }>): void {
    if (!this.isOn) return;
    this.#probe = probe;
    this.#lookSoon(0);
  }

  stop(): void {
    this.#stopped = true;
    this.#look.cancel();
    this.#deadline.cancel();
  }

  #isNamed(key: "from" | "to"): boolean {
    const { installed } = this.#parts;
    return installed.kind === "slots" && this.#note?.[key] === installed.slot;
  }

  #lookSoon(ms: number): void {
    this.#look.start(ms, () => this.#lookOnce());
  }

  async #lookOnce(): Promise<void> {
    const note = this.#note;
    if (this.#stopped || note === undefined) return;
    this.#detail = await this.#trouble(note);
    if (this.#stopped) return;
    const now = this.#clock.monotonic();
    this.#since = this.#detail === "" ? this.#since ?? now : undefined;
    const worked = this.#since === undefined ? 0 : now - this.#since;
    if (this.#since !== undefined && worked >= note.confirmMs) {
      return await this.#confirm();
    }
    this.#lookSoon(Math.min(LOOK_MS, note.confirmMs - worked));
  }

  /** Says why the Manager does not work; empty if it does. */
  async #trouble({ agents = 0 }: UpdateNote): Promise<string> {
    try {
      const { connected = 0 } = await this.#probe?.() ?? {};
      return agents > 0 && connected === 0
        ? `none of ${agents} agents that were connected before has come back`
        : "";
    } catch (error) {
      return `it does not answer: ${messageOf(error)}`;
    }
  }

  async #confirm(): Promise<void> {
    const note = this.#note;
    if (note === undefined) return;
    this.#deadline.cancel();
    try {
      await this.#write({
        ...note,
        state: "confirmed",
        reason: "",
        detail: "",
      });
    } catch (error) {
      log.error("{error}", { error: messageOf(error) });
      return this.#lookSoon(LOOK_MS);
    }
    log.info("Version {to} is confirmed", { to: note.to });
  }

  #watch(ms: number): void {
    this.#deadline.start(ms, () => this.#overdue());
  }

  /** The deadline is over: the guard goes back at the next start, if that loses nothing. */
  async #overdue(): Promise<void> {
    const note = this.#note;
    if (this.#stopped || note === undefined) return;
    if (this.#isUpgrading) return this.#watch(note.trialMs);
    const detail = this.#detail;
    if (this.#isKept(note)) {
      log.error(
        "Version {to} is not confirmed in time ({detail}), and does not go back by itself: it has changed the database, and what it accepted since would be lost",
        { to: note.to, detail },
      );
      await this.#write({ ...note, detail });
      return;
    }
    // A version that works at last must not be confirmed on its way back.
    this.stop();
    try {
      await this.#write({ ...note, deadline: this.#clock.now() - 1, detail });
    } catch (error) {
      log.error("{error}", { error: messageOf(error) });
      this.#stopped = false;
      if (this.#probe !== undefined) this.#lookSoon(LOOK_MS);
      return this.#watch(LOOK_MS);
    }
    this.#parts.restart(`version ${note.to} was not confirmed in time`);
  }

  /** True if the version before cannot read the database, and the copy from before lacks what was accepted since. */
  #isKept({ schema, served }: UpdateNote): boolean {
    return schema !== undefined && served === true &&
      this.#parts.schema > schema;
  }

  async #write(note: UpdateNote): Promise<void> {
    await writeUpdateNote(this.#parts.files, this.#parts.dir, note);
    this.#note = note;
  }
}
