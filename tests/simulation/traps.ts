import type { Body, Kind } from "../../lib/wire/message.ts";
import type { Wire } from "./network.ts";

interface Trap {
  readonly kind: Kind;
  readonly spring: (wire: Wire) => void;
}

/** Faults that wait for an agent's next message of a kind, so that rare moments are hit often. */
export class Traps {
  readonly #armed = new Map<string, Trap>();

  /** True if a fault waits for a message of this agent. */
  waitsFor(agent: string): boolean {
    return this.#armed.has(agent);
  }

  arm(agent: string, kind: Kind, spring: (wire: Wire) => void): void {
    this.#armed.set(agent, { kind, spring });
  }

  /** Handles a message that is sent. */
  heard(wire: Wire, body: Body): void {
    const trap = this.#armed.get(wire.agent);
    if (trap?.kind !== body.case) return;
    this.#armed.delete(wire.agent);
    trap.spring(wire);
  }

  /** Removes all waiting faults. */
  clear(): void {
    this.#armed.clear();
  }
}
