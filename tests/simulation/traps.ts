import type { Body, Kind } from "../../lib/wire/message.ts";
import type { Wire } from "./network.ts";

interface Trap {
  readonly kind: Kind;
  readonly spring: (wire: Wire) => void;
}

/** Faults that wait for an agent's next message of a kind: what is rare by chance is not rare so. */
export class Traps {
  readonly #armed = new Map<string, Trap>();

  /** Whether a message of this agent is waited for. */
  waitsFor(agent: string): boolean {
    return this.#armed.has(agent);
  }

  arm(agent: string, kind: Kind, spring: (wire: Wire) => void): void {
    this.#armed.set(agent, { kind, spring });
  }

  /** A message is on its way. */
  heard(wire: Wire, body: Body): void {
    const trap = this.#armed.get(wire.agent);
    if (trap?.kind !== body.case) return;
    this.#armed.delete(wire.agent);
    trap.spring(wire);
  }

  /** Nothing is waited for any more. */
  clear(): void {
    this.#armed.clear();
  }
}
