import type { Clock } from "../../base/clock.ts";
import { messageOf } from "../../base/errors.ts";
import { logger } from "../../base/log.ts";
import { guardPath, slotExecutable } from "../../update/slot_links.ts";
import { runCarefully, StepTimer } from "../../update/step_timer.ts";
import {
  readUpdateNote,
  type UpdateNote,
  writeUpdateNote,
} from "../../update/update_note.ts";
import type { WorkOutcome } from "../workers/workers.ts";
import type { UpdateParts } from "./update_parts.ts";

const log = logger("agent", "update");

/** Most characters of the log that a failed update tells. */
const MAX_LOG_CHARACTERS = 4_000;

/** Name of a command in the journal. */
interface CommandName {
  readonly id: bigint;
  readonly nonce: bigint;
  readonly managerId: string;
}

/** Fate of a command of an earlier run of the agent: it goes on, or it has ended. */
export type PastFate = "runs" | WorkOutcome;

/** The last update of this agent, as it was found at the start. */
export class Trial {
  readonly #parts: UpdateParts;
  readonly #clock: Clock;
  #note: UpdateNote | undefined;
  #onConfirmed: (outcome: WorkOutcome) => Promise<void> = async () => {};
  #isConnected = false;
  #detail = "";
  readonly #confirm: StepTimer;
  readonly #deadline: StepTimer;
  /** True once the deadline was over while the Manager was there: the next loss of the connection goes back. */
  #isLate = false;
  #stopped = false;

  private constructor(parts: UpdateParts, note: UpdateNote | undefined) {
    this.#parts = parts;
    this.#clock = parts.clock;
    this.#confirm = new StepTimer(parts.clock, log);
    this.#deadline = new StepTimer(parts.clock, log);
    this.#note = note;
  }

  /** Reads what the version before has left. A note that cannot be read is none: the agent has to start. */
  static async find(parts: UpdateParts): Promise<Trial> {
    try {
      return new Trial(parts, await readUpdateNote(parts.files, parts.dir));
    } catch (error) {
      log.error("{error}", { error: messageOf(error) });
      return new Trial(parts, undefined);
    }
  }

  /** Version that this one replaces while it is on trial; undefined if it is not. */
  get from(): string | undefined {
    return this.#isOnTrial ? this.#note?.from : undefined;
  }

  /**
   * Tells how a command of an earlier run goes on, if it is the update that led here; undefined for any other.
   *
   * @throws {PiriError} DISK, DENIED
   */
  async fateOf(command: CommandName): Promise<PastFate | undefined> {
    const note = this.#note;
    if (note === undefined || !isOf(note, command)) return undefined;
    if (this.#isOnTrial) return "runs";
    if (note.state === "confirmed") return succeeded(note);
    return await this.#failed(note);
  }

  /** Notes that the fates of earlier commands are on the disk, and completes a confirmation that was interrupted. */
  async told(): Promise<void> {
    const note = this.#note;
    const { installed } = this.#parts;
    if (note === undefined || this.#isOnTrial) return;
    if (
      note.state === "confirmed" && installed.kind === "slots" &&
      installed.slot === note.to
    ) {
      // The version may have ended between the two.
      await this.#becomeGuard();
    }
    if (note.state !== "trial" && note.state !== "back") return;
    await this.#write({
      ...note,
      state: "failed",
      reason: this.#reasonOf(note),
    });
  }

  /** Begins the trial, if this version is on trial. Calls back with the outcome of the command once it is confirmed. */
  begin(onConfirmed: (outcome: WorkOutcome) => Promise<void>): void {
    const note = this.#note;
    if (note === undefined || !this.#isOnTrial) return;
    this.#onConfirmed = onConfirmed;
    log.warning(
      "Version {to} is on trial: it goes back to {from} unless it is connected for {time} s",
      { to: note.to, from: note.from, time: note.confirmMs / 1_000 },
    );
    this.#watch(note.deadline - this.#clock.now());
  }

  /** Notes a change of the connection. */
  linked({ connected, detail }: {
    readonly connected: boolean;
    readonly detail: string;
  }): void {
    this.#detail = connected ? "" : detail;
    if (connected === this.#isConnected) return;
    this.#isConnected = connected;
    this.#confirm.cancel();
    const note = this.#note;
    if (note === undefined || !this.#isOnTrial || this.#stopped) return;
    if (connected) {
      this.#confirm.start(note.confirmMs, () => this.#confirmed(note));
    } else if (this.#isLate) {
      runCarefully(() => this.#decide(), log);
    }
  }

  stop(): void {
    this.#stopped = true;
    this.#confirm.cancel();
    this.#deadline.cancel();
  }

  get #isOnTrial(): boolean {
    const { installed } = this.#parts;
    return this.#note?.state === "trial" && installed.kind === "slots" &&
      this.#note.to === installed.slot;
  }

  #watch(ms: number): void {
    this.#deadline.start(ms, () => this.#overdue());
  }

  /** The deadline is over: a Manager that is back since then gets its time once. */
  async #overdue(): Promise<void> {
    const note = this.#note;
    if (this.#stopped || note === undefined) return;
    if (this.#isConnected && !this.#isLate) {
      this.#isLate = true;
      await this.#extend(note, note.confirmMs);
      return;
    }
    await this.#decide();
  }

  /** Goes back if the version before could connect. If it could not either, the Manager is away, and time goes on. */
  async #decide(): Promise<void> {
    const note = this.#note;
    const { installed, run, dir, restart } = this.#parts;
    if (this.#stopped || note === undefined || installed.kind !== "slots") {
      return;
    }
    const { code } = await run(
      guardPath(installed.root),
      "check",
      "--dir",
      dir,
    );
    if (this.#stopped) return;
    if (code !== 0 && !this.#isConnected) {
      log.warning("Version {from} cannot connect either: the trial goes on", {
        from: note.from,
      });
      this.#isLate = false;
      await this.#extend(note, note.trialMs);
      return;
    }
    const detail = this.#detail;
    // The guard goes back at the next start.
    await this.#write({ ...note, deadline: this.#clock.now() - 1, detail });
    this.stop();
    restart(`version ${note.to} was not confirmed in time`);
  }

  async #extend(note: UpdateNote, ms: number): Promise<void> {
    this.#watch(ms);
    await this.#write({ ...note, deadline: this.#clock.now() + ms });
  }

  async #confirmed(begun: UpdateNote): Promise<void> {
    const { installed, files } = this.#parts;
    const note = this.#note ?? begun;
    if (this.#stopped || installed.kind !== "slots") return;
    this.stop();
    const { root } = installed;
    // The slot of the next update is not there yet: none begins before this one is confirmed.
    await removeSlotsBut([note.from, note.to], root, files)
      .catch((error) => log.error("{error}", { error: messageOf(error) }));
    await this.#write({ ...note, state: "confirmed" });
    log.info("Version {to} is confirmed", { to: note.to });
    // An older guard does as well, so its place is taken last.
    await this.#becomeGuard();
    await this.#onConfirmed(succeeded(note));
  }

  /** Becomes the executable that looks at the starts of the next version on trial. */
  async #becomeGuard(): Promise<void> {
    const { installed, files } = this.#parts;
    if (installed.kind !== "slots") return;
    const { root, slot } = installed;
    await files.secondName(slotExecutable(root, slot), guardPath(root))
      .catch((error) => log.error("{error}", { error: messageOf(error) }));
  }

  async #failed(note: UpdateNote): Promise<WorkOutcome> {
    const lines = await this.#parts.lastLines(note.startedAt).catch(() => "");
    const tail = lines.trim().slice(-MAX_LOG_CHARACTERS);
    return {
      success: false,
      changed: false,
      errorCode: "FAILED_PRECONDITION",
      message: `version ${note.to} was given up, and ${note.from} runs again: ${
        this.#reasonOf(note)
      }${tail === "" ? "" : `\n${tail}`}`,
      data: { from: note.from, to: note.to, starts: note.starts },
      ...startOf(note),
    };
  }

  #reasonOf({ state, reason }: UpdateNote): string {
    if (reason !== "") return reason;
    return state === "trial"
      ? "the agent ended before the switch was complete"
      : "the reason was not written";
  }

  async #write(note: UpdateNote): Promise<void> {
    this.#note = note;
    await writeUpdateNote(this.#parts.files, this.#parts.dir, note);
  }
}

/** Kind of the installation and the version before, for the hello. */
export function installationOf({ parts, trial }: {
  readonly parts: Pick<UpdateParts, "installed" | "target">;
  readonly trial: Trial;
}): () => { kind: string; trial: string; target: string } {
  const { installed: { kind }, target } = parts;
  return () => ({ kind, trial: trial.from ?? "", target });
}

function isOf(note: UpdateNote, { id, nonce, managerId }: CommandName) {
  return note.id === String(id) && note.nonce === String(nonce) &&
    note.managerId === managerId;
}

function startOf({ startedAt }: UpdateNote): { startedAt?: number } {
  return startedAt === 0 ? {} : { startedAt };
}

function succeeded(note: UpdateNote): WorkOutcome {
  const { from, to } = note;
  return {
    success: true,
    changed: true,
    message: `version ${to} runs since it took over from ${from}`,
    data: { from, to },
    ...startOf(note),
  };
}

async function removeSlotsBut(
  kept: readonly string[],
  root: string,
  files: UpdateParts["files"],
): Promise<void> {
  for (const name of await files.list(`${root}/versions`)) {
    if (!kept.includes(name)) await files.remove(`${root}/versions/${name}`);
  }
}
