import { type Asker, operatorText } from "../../base/asker.ts";
import type { Clock } from "../../base/clock.ts";
import { PiriError } from "../../base/errors.ts";
import { Turns } from "../../base/turns.ts";
import type { CommandPatch, CommandRecord } from "../../store/records.ts";
import type { Store } from "../../store/store.ts";
import type { NewAudit } from "../../store/audit_records.ts";
import { auditEntry } from "../audit/audit_entry.ts";
import type { Events } from "../events/events.ts";
import type { Fleet } from "../fleet.ts";
import { CANCEL_GRACE_MS, type Dispatcher } from "./dispatcher.ts";
import type { LifeEvents } from "./life_events.ts";
import { changeBy, stageOf } from "./lifecycle.ts";
import { OpenChange } from "./open_change.ts";
import type { OpenCommand } from "./open_command.ts";
import type { OpenCommands } from "./open_commands.ts";

/** Parts that requests to end a command need. */
export interface EndRequestsOptions {
  readonly store: Store;
  readonly fleet: Fleet;
  readonly events: Events;
  readonly clock: Clock;
  readonly open: OpenCommands;
  readonly dispatcher: Dispatcher;
}

/** Request to cancel a command. */
export interface CancelRequest extends Asker {
  readonly graceMs?: number | undefined;
}

/** Cancel of a command, by itself or as a part of an act that is in the audit. */
interface PlacedCancel extends CancelRequest {
  readonly isPart: boolean;
}

/** Requests of operators to end a command, or to wait for it no longer. */
export class EndRequests {
  readonly #options: EndRequestsOptions;
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #open: OpenCommands;
  /** Lets one cancel of a presumed command be recorded at a time: each reads the record first. */
  readonly #presumed = new Turns();

  constructor(options: EndRequestsOptions) {
    this.#options = options;
    this.#store = options.store;
    this.#clock = options.clock;
    this.#open = options.open;
  }

  /**
   * Records a cancel, and sends it. Returns true if the agent is connected and confirms no cancels.
   *
   * @throws {PiriError} NOT_FOUND; FAILED_PRECONDITION if the command has ended for good
   */
  async cancel(id: bigint, request: PlacedCancel): Promise<boolean> {
    const facts = {
      by: request.requestedBy,
      saidBy: request.saidBy,
      graceMs: request.graceMs ?? CANCEL_GRACE_MS,
      at: this.#clock.now(),
    };
    const statement = { id: String(id), graceMs: facts.graceMs };
    const act = { act: "Cancel", on: [String(id)], statement };
    const audit = request.isPart
      ? undefined
      : auditEntry(act, request, this.#clock);
    const command = this.#open.get(id);
    if (command === undefined) {
      const presumed = await this.#presumed.run(() =>
        this.#cancelPresumed(id, facts, audit)
      );
      // A hello may have brought it back meanwhile.
      return presumed === undefined
        ? await this.cancel(id, request)
        : this.#isUnconfirmed(presumed.agent);
    }
    const patch = await this.#change(command, "cancelled", facts, audit);
    this.#cancelled(command, patch);
    return command.isOpen && this.#isUnconfirmed(command.agent);
  }

  /**
   * Waits no longer for a command: it counts as lost until its agent reports on it. If it has not begun by then, it never
   * begins.
   *
   * @throws {PiriError} NOT_FOUND; FAILED_PRECONDITION if the command has ended
   */
  async giveUp(id: bigint, asker: Asker): Promise<void> {
    const command = this.#open.get(id);
    if (command === undefined) throw hasEnded(await this.#get(id), "give up");
    const { agent } = command;
    const patch = await this.#change(command, "givenUp", {
      by: asker.requestedBy,
      saidBy: asker.saidBy,
      at: this.#clock.now(),
    }, auditEntry({ act: "GiveUp", on: [String(id)] }, asker, this.#clock));
    this.#options.events.add(
      "command_given_up",
      `command ${id} on "${agent}" is given up by ${operatorText(asker)}`,
      { agent, commandId: id },
    );
    this.#open.changed({ ...command.record, ...patch });
    command.finish();
  }

  /** Cancels a command that only counts as ended: its agent may still have it. Returns undefined if it is open again. */
  async #cancelPresumed(
    id: bigint,
    facts: LifeEvents["cancelled"],
    audit: NewAudit | undefined,
  ): Promise<CommandRecord | undefined> {
    const record = await this.#get(id);
    if (this.#open.get(id) !== undefined) return undefined;
    const subject = {
      record,
      stage: stageOf(record),
      cancelIsRecorded: record.cancelRequestedAt !== null,
    };
    const patch = changeBy(subject, "cancelled", facts);
    if (patch === undefined) throw hasEnded(record, "cancel");
    await this.#store.patchCommand(patch, audit);
    if (this.#open.get(id) !== undefined) return undefined;
    this.#options.dispatcher.sendCancel(record.agent, patch);
    return record;
  }

  /** Sends a recorded cancel, and tells the watchers. */
  #cancelled(command: OpenCommand, patch: CommandPatch): void {
    command.noteCancelRecorded();
    if (patch.state !== undefined) {
      this.#open.ended({ ...command.record, ...patch });
      command.finish();
    } else if (command.isOpen) {
      // An earlier cancel that could not be recorded may have undone this one in memory; a later one may be shorter.
      command.apply({
        ...patch,
        cancelGraceMs: Math.min(
          patch.cancelGraceMs ?? Infinity,
          command.record.cancelGraceMs ?? Infinity,
        ),
      });
      this.#options.dispatcher.cancel(command);
    }
    command.touch();
  }

  #isUnconfirmed(agent: string): boolean {
    const session = this.#options.fleet.session(agent);
    return session !== undefined && !session.dialect.answersCancel;
  }

  /** Changes an open command at an operator's request. If it cannot be recorded, it is undone. */
  async #change<Event extends "cancelled" | "givenUp">(
    command: OpenCommand,
    event: Event,
    facts: LifeEvents[Event],
    audit: NewAudit | undefined,
  ): Promise<CommandPatch> {
    const patch = changeBy(command, event, facts);
    if (patch === undefined) {
      throw new TypeError(`An open command has no row for "${event}"`);
    }
    const change = new OpenChange(this.#open, [patch]);
    try {
      await this.#store.patchCommand(patch, audit);
    } catch (error) {
      change.takeBack();
      throw error;
    }
    return patch;
  }

  async #get(id: bigint): Promise<CommandRecord> {
    const record = this.#open.get(id)?.record ?? await this.#store.command(id);
    if (record !== undefined) return record;
    throw notFound(id);
  }
}

/** Error for an id that no command has. */
export function notFound(id: bigint): PiriError {
  return new PiriError(
    "NOT_FOUND",
    `Cannot find command ${id}: there is none of that id`,
  );
}

function hasEnded({ id, state }: CommandRecord, attempt: string): PiriError {
  return new PiriError(
    "FAILED_PRECONDITION",
    `Cannot ${attempt} command ${id}: it has ended, it is ${state}`,
  );
}
