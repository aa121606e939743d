import {
  type Command,
  type CommandResult,
  OnDisconnect,
} from "../../../proto/gen/piri/agent/v1/agent_messages.ts";
import type { Clock } from "../../base/clock.ts";
import { codeOf, messageOf } from "../../base/errors.ts";
import { logger } from "../../base/log.ts";
import type { GuardBounds } from "../../operations/guard.ts";
import type { Dialect } from "../../wire/dialect.ts";
import type { JournalEntry } from "../journal/journal.ts";
import { refusalBecause } from "./acceptance.ts";
import type { CommandRecord } from "./command_record.ts";
import type { Judged } from "./judge.ts";
import { keepResult } from "./keep_result.ts";
import { cancelledUnbegun, refusalOf } from "./result.ts";

const log = logger("agent", "runner");

/** The Manager that a command comes from. */
export interface Giver {
  /** The id of its database; empty for a legacy one. */
  readonly managerId: string;
  readonly dialect: Dialect;
  /** True if a command that came from it may begin now: its last word is not old. */
  mayBegin(): boolean;
  /** True if the cancel of a command has arrived and waits to be read. */
  hasCancelOf(id: bigint): boolean;
}

/** Command that is accepted. */
export interface AcceptedCommand {
  readonly entry: JournalEntry;
  readonly command: Command;
  readonly dialect: Dialect;
  readonly record: CommandRecord;
  /** Bounds in the host's files, by the policy. */
  readonly bounds?: GuardBounds | undefined;
}

interface Unbegun extends AcceptedCommand {
  bounds: GuardBounds | undefined;
  /** True once its cancel has come. */
  isCancelled: boolean;
  /** Time since which it waits for the next ServerHello, by the monotonic clock; undefined while it does not wait. */
  heldSince: number | undefined;
}

export interface UnbegunCommandsOptions {
  readonly clock: Clock;
  /** Reason for beginning no commands at all, if there is one. */
  readonly refusing: () => string | undefined;
  /** Asks the policy about a command that has waited: it may be another by now. Never rejects. */
  readonly judge: (accepted: AcceptedCommand) => Promise<Judged>;
  /** Starts a command. */
  readonly start: (accepted: AcceptedCommand) => void;
  /** Called when a command has begun or has ended without. */
  readonly settled: (entry: JournalEntry) => void;
}

/**
 * Commands that are accepted and have not begun, most of them for as long as a write to the journal takes. One whose
 * connection ends meanwhile may have been cancelled since: it waits for the next ServerHello, which tells.
 */
export class UnbegunCommands {
  readonly #options: UnbegunCommandsOptions;
  readonly #commands = new Map<JournalEntry, Unbegun>();

  constructor(options: UnbegunCommandsOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#commands.size;
  }

  has(entry: JournalEntry): boolean {
    return this.#commands.has(entry);
  }

  /**
   * Begins a command, or lets it wait.
   *
   * @throws {PiriError} DISK: it has not begun, and is not kept here any more
   */
  async begin(accepted: AcceptedCommand, giver: Giver): Promise<void> {
    const { entry } = accepted;
    const unbegun = {
      ...accepted,
      bounds: accepted.bounds,
      isCancelled: false,
      heldSince: undefined,
    };
    this.#commands.set(entry, unbegun);
    try {
      await this.#begin(unbegun, giver);
    } catch (error) {
      this.#commands.delete(entry);
      throw error;
    }
  }

  /** Notes the cancel of a command. False if there is none of this id. */
  cancel(id: bigint, managerId: string): boolean {
    for (const unbegun of this.#commands.values()) {
      const { entry } = unbegun;
      if (entry.id !== id || entry.managerId !== managerId) continue;
      noteCancel(unbegun);
      return true;
    }
    return false;
  }

  /**
   * Begins the commands that waited for a ServerHello, unless it names them as cancelled. They were in the hello, so the
   * Manager has said all that it knows of them.
   */
  release(giver: Giver, cancelled: readonly bigint[]): void {
    const now = this.#options.clock.monotonic();
    for (const { unbegun, since } of this.#takeHeld()) {
      const { entry, command } = unbegun;
      if (cancelled.includes(entry.id)) noteCancel(unbegun);
      if (entry.managerId !== giver.managerId) {
        const why = "the agent has another Manager now";
        void this.#end(unbegun, refusalBecause(entry.id, why));
      } else if (hasLostLink(command, now - since)) {
        const why = "link lost before it began";
        if (!unbegun.isCancelled) unbegun.record.cancelled("linkLost");
        void this.#end(unbegun, cancelledUnbegun(entry.id, why));
      } else {
        void this.#beginReleased(unbegun, giver);
      }
    }
  }

  /** Refuses the commands that wait for a ServerHello. */
  refuseHeld(why: string): void {
    for (const { unbegun } of this.#takeHeld()) {
      void this.#end(unbegun, refusalBecause(unbegun.entry.id, why));
    }
  }

  async #begin(unbegun: Unbegun, giver: Giver): Promise<void> {
    if (await this.#isEnded(unbegun)) return;
    if (this.#mustWait(unbegun, giver)) return this.#hold(unbegun);
    // Before the start: an agent that dies from here on cannot say that the command had not begun.
    await Promise.all([unbegun.entry.started(), unbegun.record.noted]);
    if (giver.hasCancelOf(unbegun.entry.id)) noteCancel(unbegun);
    if (await this.#isEnded(unbegun)) return;
    if (this.#mustWait(unbegun, giver)) return this.#hold(unbegun);
    this.#commands.delete(unbegun.entry);
    this.#options.start(unbegun);
    this.#options.settled(unbegun.entry);
  }

  /** Ends a command that was cancelled, or that nobody would wait for because the agent stops. */
  async #isEnded(unbegun: Unbegun): Promise<boolean> {
    const { entry: { id }, isCancelled } = unbegun;
    const why = this.#options.refusing();
    if (!isCancelled && why === undefined) return false;
    await this.#end(
      unbegun,
      isCancelled || why === undefined
        ? cancelledUnbegun(id, "it was cancelled before it began")
        : refusalBecause(id, why),
    );
    return true;
  }

  /** A legacy Manager would not know of a command that waits. */
  #mustWait({ dialect }: Unbegun, giver: Giver): boolean {
    return dialect.hasIdentities && !giver.mayBegin();
  }

  #hold(unbegun: Unbegun): void {
    unbegun.heldSince = this.#options.clock.monotonic();
    log.info(
      "Command {id} has not begun: it waits for the next word of the Manager",
      { id: String(unbegun.entry.id) },
    );
  }

  /** The Manager knows that the command is here, so that an error is its result. */
  async #beginReleased(unbegun: Unbegun, giver: Giver): Promise<void> {
    const { id } = unbegun.entry;
    try {
      const { refusal, recorded, bounds } = await this.#options.judge(unbegun);
      if (refusal !== undefined && !unbegun.isCancelled) {
        unbegun.record.refused({ output: recorded });
        return await this.#keep(unbegun, refusalOf(id, "REFUSED", refusal));
      }
      unbegun.bounds = bounds;
      await this.#begin(unbegun, giver);
    } catch (error) {
      const why = `Cannot begin command ${id}: ${messageOf(error)}`;
      await this.#end(unbegun, refusalOf(id, codeOf(error), why));
    }
  }

  async #end(unbegun: Unbegun, result: CommandResult): Promise<void> {
    unbegun.record.ended(result);
    await this.#keep(unbegun, result);
  }

  /** Keeps the result of a command that has not begun. */
  async #keep({ entry }: Unbegun, result: CommandResult): Promise<void> {
    await keepResult(this.#options.clock, { entry, result });
    this.#commands.delete(entry);
    this.#options.settled(entry);
  }

  #takeHeld(): { unbegun: Unbegun; since: number }[] {
    const held = [];
    for (const unbegun of this.#commands.values()) {
      const { heldSince: since } = unbegun;
      if (since === undefined) continue;
      unbegun.heldSince = undefined;
      held.push({ unbegun, since });
    }
    return held;
  }
}

function noteCancel(unbegun: Unbegun): void {
  if (!unbegun.isCancelled) unbegun.record.cancelled("cancelled");
  unbegun.isCancelled = true;
}

/** True if a command must not outlive its link, and was without one for too long. */
function hasLostLink(
  { onDisconnect, killAfterMs = 0 }: Command,
  withoutLinkMs: number,
): boolean {
  return onDisconnect === OnDisconnect.KILL && withoutLinkMs >= killAfterMs;
}
