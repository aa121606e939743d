import type { CommandOutput } from "../../../proto/gen/piri/agent/v1/agent_messages.ts";
import { PiriError } from "../../base/errors.ts";
import { Limits } from "../../base/limits.ts";
import type { StreamName } from "../../store/records.ts";
import type { Body } from "../../wire/message.ts";
import type { AgentSession } from "../fleet.ts";
import type { OpenCommand } from "./open_command.ts";
import type { OpenCommands } from "./open_commands.ts";

/** Bytes of each stream that an agent may forget. */
interface Held {
  stdout: bigint;
  stderr: bigint;
}

const NOTHING: Held = { stdout: 0n, stderr: 0n };

/** Sends acknowledgements. An agent without the feature `ack` gets none. */
export class Acknowledger {
  readonly #open: OpenCommands;
  /** Bytes acknowledged of commands that are not open here, by session and id. */
  readonly #foreign = new WeakMap<AgentSession, Map<bigint, Held>>();

  constructor(open: OpenCommands) {
    this.#open = open;
  }

  /** Acknowledges the output of a command, as far as it is held here. */
  held(session: AgentSession, command: OpenCommand): void {
    // The command may have been opened again since: then the counts of the reopened one are acknowledged.
    const { ledger, isOpen, stage, trace } = this.#open.get(command.id) ??
      command;
    // The final acknowledgement of an ended command says more, and must not be replaced by this one.
    const isOver = !isOpen && stage !== "presumed";
    if (!session.features.has("ack") || isOver) return;
    const { held, isPrompt } = ledger.acknowledge();
    trace.acknowledged = held;
    const ack = ackOf(command.id, held);
    if (isPrompt) session.reply(ack);
    else session.replyLater(ack);
  }

  /** Acknowledges a whole command: the agent may forget it. */
  final(session: AgentSession, id: bigint, held = NOTHING): void {
    this.#foreign.get(session)?.delete(id);
    if (!session.features.has("ack")) return;
    session.replyLater(ackOf(id, held, { final: true }));
  }

  /**
   * Acknowledges output of a command that is not open here, so that its program does not wait for ever.
   *
   * @throws {PiriError} PROTOCOL_VIOLATION if the agent has more such commands than it may have commands
   */
  foreign(
    session: AgentSession,
    { commandId, offset, bytes }: CommandOutput,
    stream: StreamName,
  ): void {
    if (!session.features.has("ack")) return;
    const ofSession = this.#foreign.get(session) ?? new Map<bigint, Held>();
    this.#foreign.set(session, ofSession);
    if (ofSession.size >= Limits.openCommands && !ofSession.has(commandId)) {
      throw new PiriError(
        "PROTOCOL_VIOLATION",
        `Cannot accept output of more than ${Limits.openCommands} commands that are not known here`,
      );
    }
    const held = ofSession.get(commandId) ?? { ...NOTHING };
    const end = offset + BigInt(bytes.length);
    if (end > held[stream]) held[stream] = end;
    ofSession.set(commandId, held);
    session.reply(ackOf(commandId, held));
  }
}

function ackOf(
  commandId: bigint,
  { stdout, stderr }: Held,
  { final = false } = {},
): Body {
  return { case: "commandAck", value: { commandId, stdout, stderr, final } };
}
