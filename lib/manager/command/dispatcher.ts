import {
  type Command,
  createCommandCancel,
  OnDisconnect,
} from "../../../proto/gen/piri/agent/v1/agent_messages.ts";
import type { Clock } from "../../base/clock.ts";
import { logger } from "../../base/log.ts";
import type { CommandPatch } from "../../store/records.ts";
import type { Store } from "../../store/store.ts";
import type { AgentSession, Fleet } from "../fleet.ts";
import { legacyCommand } from "./legacy_command.ts";
import { OpenChange } from "./open_change.ts";
import type { OpenCommand } from "./open_command.ts";
import type { OpenCommands } from "./open_commands.ts";
import { lost } from "./reconcile.ts";
import { WriteOrder } from "./write_order.ts";

const log = logger("manager", "dispatcher");

/** Between SIGTERM and SIGKILL unless the operator says otherwise, milliseconds. */
export const CANCEL_GRACE_MS = 5_000;

/** How much longer than its timeout a command of an agent that does not measure it may take, milliseconds. */
const TIMEOUT_SLACK_MS = 10_000;

/** An end that could not be recorded is tried again after so long, milliseconds. */
const AGAIN_MS = 5_000;

/** What a dispatcher is made of. */
export interface DispatcherOptions {
  readonly store: Store;
  readonly fleet: Fleet;
  readonly clock: Clock;
  readonly open: OpenCommands;
}

/** Commands on their way down: each is bound to one connection, and on disk as sent before its first byte leaves. */
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

  /** How many messages to this connection wait for the disk. */
  unrecorded(session: AgentSession): number {
    return this.#writes.get(session)?.size ?? 0;
  }

  /** Sends a command that is recorded as sent over this connection. */
  send(command: OpenCommand, session: AgentSession): void {
    this.#inOrder(session, () => this.#write(command, session));
  }

  /** Records that a queued command is sent, and sends it. */
  dispatch(command: OpenCommand, session: AgentSession): void {
    if (command.state !== "queued" || !session.takesCommands) return;
    const patch: CommandPatch = {
      id: command.id,
      state: "sent",
      instance: session.instance,
      session: session.session,
      sentAt: this.#clock.now(),
    };
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

  /** Writes a command that is recorded as sent to the connection it is bound to, if that still is the agent's. */
  #write(command: OpenCommand, session: AgentSession): void {
    if (command.state !== "sent") return;
    const current = this.#fleet.session(command.agent) === session;
    if (!current || !session.takesCommands) {
      this.#neverWritten(command);
      return;
    }
    const { made } = command;
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
    };
    if (made.timeoutMs !== null) message.timeoutMs = made.timeoutMs;
    if (made.killAfterMs !== null) message.killAfterMs = made.killAfterMs;
    // Not waited for: whoever asks for more than the agent reads is stopped by the limit of open commands.
    if (session.reply({ case: "command", value: message })) {
      command.trace.writtenAt = this.#clock.now();
    }
    if (!session.features.has("ack") && made.timeoutMs !== null) {
      this.#measure(command, made.timeoutMs);
    }
  }

  /** Its connection went before its first byte left: that is certain, and the end of it. */
  #neverWritten(command: OpenCommand): void {
    const reason = "it never arrived at the agent: the connection ended first";
    this.#end(command, {
      id: command.id,
      ...lost(reason, this.#clock.now()),
    });
  }

  /** A legacy agent does not know timeouts: the Manager presumes them. */
  #measure(command: OpenCommand, timeoutMs: number): void {
    this.#clock.timer(timeoutMs + CANCEL_GRACE_MS + TIMEOUT_SLACK_MS, () => {
      if (!command.isOpen) return;
      this.#end(command, {
        id: command.id,
        state: "timed_out",
        presumed: true,
        reason: "the agent did not answer in time",
        finishedAt: this.#clock.now(),
      });
    });
  }

  /** Records an end of which no agent tells; tried again until it is recorded, or the command has ended otherwise. */
  #end(command: OpenCommand, patch: CommandPatch): void {
    const change = new OpenChange(this.#open, [patch]);
    this.#store.patchCommand(patch).then(() => change.recorded(), (error) => {
      change.takeBack();
      log.error("Cannot record the end of command {id}: {error}", {
        id: command.id,
        error,
      });
      this.#clock.timer(AGAIN_MS, () => {
        if (this.#open.get(command.id) === command) this.#end(command, patch);
      });
    });
  }

  /** Passes a cancel on that is recorded, if the agent is there to hear it. */
  cancel(command: OpenCommand): void {
    const { agent, record } = command;
    const session = this.#fleet.session(agent);
    if (session === undefined || !session.takesCommands) return;
    const cancel = createCommandCancel({
      commandId: record.id,
      graceMs: record.cancelGraceMs ?? CANCEL_GRACE_MS,
    });
    this.#inOrder(session, () => {
      session.cancel(cancel);
      command.trace.cancelSent = {
        at: this.#clock.now(),
        session: session.session,
      };
    });
  }
}
