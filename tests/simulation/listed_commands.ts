import { CommandState_State } from "../../proto/gen/piri/agent/v1/agent_messages.ts";
import type { Body } from "../../lib/wire/message.ts";
import type { Wire } from "./network.ts";

/** Accepted commands of each hello. With the answer, the agent can know which of them the operator has ended. */
export class ListedCommands {
  readonly #accepted = new WeakMap<Wire, readonly bigint[]>();
  readonly #answered: (nonce: bigint, words: string) => void;

  /** Calls `answered` for each command, when the Manager writes the ServerHello. */
  constructor(answered: (nonce: bigint, words: string) => void) {
    this.#answered = answered;
  }

  /** Takes a message as it is written. */
  heard(wire: Wire, body: Body): void {
    if (body.case === "clientHello") {
      const accepted = body.value.commands
        .filter(({ state }) => state === CommandState_State.ACCEPTED)
        .map(({ nonce }) => nonce);
      this.#accepted.set(wire, accepted);
    } else if (body.case === "serverHello") {
      for (const nonce of this.#accepted.get(wire) ?? []) {
        this.#answered(
          nonce,
          `the ServerHello of link ${wire.number} came after`,
        );
      }
    }
  }
}
