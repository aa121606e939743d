import {
  type Command,
  createCommandCancel,
  OnDisconnect,
} from "../../../proto/gen/piri/agent/v1/agent_messages.ts";
import { askerText } from "../../base/asker.ts";
import type { Clock } from "../../base/clock.ts";
import { PRESUMED_AFTER_MS } from "../../base/limits.ts";
import { logger } from "../../base/log.ts";
import type { CommandPatch } from "../../store/records.ts";
import type { Store } from "../../store/store.ts";
import type { AgentSession, Fleet } from "../fleet.ts";
import { legacyCommand } from "./legacy_command.ts";
import type { LifeEvents } from "./life_events.ts";
import { changeBy } from "./lifecycle.ts";
import { OpenChange } from "./open_change.ts";
import type { OpenCommand } from "./open_command.ts";
import type { OpenCommands } from "./open_commands.ts";
import { WriteOrder } from "./write_order.ts";

const log = logger("manager", "dispatcher");

/** Time between SIGTERM and SIGKILL unless the operator says otherwise, in milliseconds. */
export const CANCEL_GRACE_MS = 5_000;

/** Delay before an end that could not be recorded is tried again, in milliseconds. */
const AGAIN_MS = 5_000;

export interface DispatcherOptions {
  readonly store: Store;
  readonly fleet: Fleet;
  readonly clock: Clock;
  readonly open: OpenCommands;
}

/** Way of commands down: each is bound to one connection, and on disk as sent before its first byte leaves. */
export class Dispatcher {
  readonly #store: Store;
  readonly #fleet: Fleet;
  readonly #clock: Clock;
  readonly #open: OpenCommands;
  readonly #writes = new WeakMap<AgentSession, WriteOrder>();

  constructor({ store, fleet, clock, open }: DispatcherOptions) {
    this.#store = store;
    this.#fleet = fleet;
    this.#clock = clock;
    this.#open = open;
  }

  /** Number of messages to this connection that wait for the disk. */
  unrecorded(session: AgentSession): number {
    return this.#writes.get(session)?.size ?? 0;
  }

  /** Sends a command that is recorded as sent over this connection. */
  send(command: OpenCommand, session: AgentSession): void {
    this.#inOrder(session, () => this.#write(command, session));
  }

  /** Records that a queued command is sent, and sends it, unless who asked for it may not do it any more. */
  dispatch(command: OpenCommand, session: AgentSession): void {
    if (!session.takesCommands) return;
    const { refusal } = command;
    if (refusal !== undefined) {
      this.#end(command, "denied", { reason: refusal, at: this.#clock.now() });
      return;
    }
    const patch = changeBy(command, "sent", {
      instance: session.instance,
      session: session.session,
      at: this.#clock.now(),
    });
    if (patch === undefined) return;
    command.apply(patch);
    const recorded = this.#store.patchCommand(patch);
    recorded.catch(() => session.busy());
    this.#inOrder(session, () => this.#write(command, session), recorded);
  }

  #inOrder(
    session: AgentSession,
    write: () => void,
    recorded?: Promise<void>,
  ): void {
    const order = this.#writes.get(session) ?? new WriteOrder();
    this.#writes.set(session, order);
    order.add(write, recorded);
  }

  /** Writes a command that is recorded as sent to its connection, if that is still the agent's current one. */
  #write(command: OpenCommand, session: AgentSession): void {
    if (command.stage !== "sent") return;
    const current = this.#fleet.session(command.agent) === session;
    if (!current || !session.takesCommands) {
      this.#end(command, "neverWritten", { at: this.#clock.now() });
      return;
    }
    const { made, signed } = command;
    const { type, data } = session.dialect.hasPositionalParams
      ? legacyCommand(made.operation, made.params)
      : { type: made.operation, data: made.params };
    const message: Command = {
      commandId: command.id,
      type,
      data,
      nonce: made.nonce,
      onDisconnect: made.onDisconnect === "kill"
        ? OnDisconnect.KILL
        : OnDisconnect.CONTINUE,
      statement: signed?.statement ?? new Uint8Array(),
      signatures: (signed?.signatures ?? []).map((each) => ({ ...each })),
      requestedBy: session.dialect.hasIdentities ? askerText(made) : "",
      survive: made.survive ?? false,
    };
    if (made.timeoutMs !== null) message.timeoutMs = made.timeoutMs;
    if (made.killAfterMs !== null) message.killAfterMs = made.killAfterMs;
    // Not waited for: the limit of open commands stops operators who ask for more than the agent reads.
    if (session.reply({ case: "command", value: message })) {
      command.trace.writtenAt = this.#clock.now();
    }
    if (!session.features.has("ack") && made.timeoutMs !== null) {
      this.#measure(command, made.timeoutMs);
    }
  }

  /** Measures the timeout of a legacy agent's command: such an agent knows no timeouts. */
  #measure(command: OpenCommand, timeoutMs: number): void {
    this.#clock.timer(timeoutMs + PRESUMED_AFTER_MS, () => {
      this.#end(command, "overdue", { at: this.#clock.now() });
    });
  }

  /** Records an end that no agent reports. Tries again until it is recorded or the command has ended otherwise. */
  #end<Event extends "neverWritten" | "overdue" | "denied">(
    command: OpenCommand,
    event: Event,
    facts: LifeEvents[Event],
  ): void {
    const patch = changeBy(command, event, facts);
    if (patch === undefined) return;
    const change = new OpenChange(this.#open, [patch]);
    this.#store.patchCommand(patch).then(() => change.recorded(), (error) => {
      change.takeBack();
      log.error("Cannot record the end of command {id}: {error}", {
        id: command.id,
        error,
      });
      this.#clock.timer(AGAIN_MS, () => this.#end(command, event, facts));
    });
  }

  /** Sends the recorded cancel of an open command, if the agent is connected. */
  cancel(command: OpenCommand): void {
    this.sendCancel(command.agent, command.record, (session) => {
      command.trace.cancelSent = {
        at: this.#clock.now(),
        session: session.session,
      };
    });
  }

  /** Sends the recorded cancel of a command, if the agent is connected. */
  sendCancel(
    agent: string,
    { id, cancelGraceMs }: Pick<CommandPatch, "id" | "cancelGraceMs">,
    sent: (session: AgentSession) => void = () => {},
  ): void {
    const session = this.#fleet.session(agent);
    if (session === undefined || !session.takesCommands) return;
    const cancel = createCommandCancel({
      commandId: id,
      graceMs: cancelGraceMs ?? CANCEL_GRACE_MS,
    });
    this.#inOrder(session, () => {
      session.cancel(cancel);
      sent(session);
    });
  }
}
