import { type Clock, sleep } from "../../lib/base/clock.ts";
import type { Seeded } from "../support/seeded.ts";
import { FaultyPipe } from "./faulty_pipe.ts";

export interface FaultyRelayOptions {
  /** Port on this host to which the line leads. */
  readonly to: number;
  readonly clock: Clock;
  readonly dice: Seeded;
}

/** A relay of TCP connections between an agent and its Manager, on loopback, with all faults that networks have. */
export class FaultyRelay implements AsyncDisposable {
  readonly #options: FaultyRelayOptions;
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #wires = new Set<Wire>();
  readonly #serving: Promise<void>;
  #refusing = false;

  constructor(options: FaultyRelayOptions) {
    this.#options = options;
    this.#serving = this.#serve();
  }

  get port(): number {
    return this.#listener.addr.port;
  }

  /** Applies a fault to every open connection. Returns true if there was one. */
  each(fault: (wire: Wire) => void): boolean {
    const wires = [...this.#wires];
    for (const wire of wires) fault(wire);
    return wires.length > 0;
  }

  /** Ends every connection, and every new one at once, until `calm`. */
  refuse(): void {
    this.#refusing = true;
    this.each((wire) => wire.close());
  }

  /** Ends a refusal: new connections have no fault. */
  calm(): void {
    this.#refusing = false;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.refuse();
    this.#listener.close();
    await this.#serving;
    await Promise.all([...this.#wires].map(({ ended }) => ended));
  }

  async #serve(): Promise<void> {
    for await (const agent of this.#listener) {
      this.#relay(agent).catch(() => agent.close());
    }
  }

  async #relay(agent: Deno.TcpConn): Promise<void> {
    if (this.#refusing) return agent.close();
    const manager = await Deno.connect({
      hostname: "127.0.0.1",
      port: this.#options.to,
    });
    const wire = new Wire(agent, manager, this.#options);
    this.#wires.add(wire);
    wire.ended.then(() => this.#wires.delete(wire));
    if (this.#refusing) wire.close();
  }
}

/** One connection through a line. */
export class Wire {
  /** Direction from the agent to the Manager. */
  readonly up: FaultyPipe;
  readonly down: FaultyPipe;
  /** Resolves when both ends are closed. */
  readonly ended: Promise<void>;
  readonly #agent: Deno.TcpConn;
  readonly #manager: Deno.TcpConn;
  readonly #closed = new AbortController();

  constructor(
    agent: Deno.TcpConn,
    manager: Deno.TcpConn,
    { clock, dice }: Pick<FaultyRelayOptions, "clock" | "dice">,
  ) {
    this.#agent = agent;
    this.#manager = manager;
    const closed = this.#closed.signal;
    this.up = new FaultyPipe({ clock, dice, closed });
    this.down = new FaultyPipe({ clock, dice, closed });
    this.ended = Promise.all([
      this.#pump(agent, manager, this.up),
      this.#pump(manager, agent, this.down),
    ]).then(() => this.close());
  }

  get pipes(): readonly FaultyPipe[] {
    return [this.up, this.down];
  }

  /** True if a direction is silent for good. */
  get isSilent(): boolean {
    return this.pipes.some((pipe) => pipe.isSilent);
  }

  /** Cuts the connection. Bytes on their way are lost. */
  close(): void {
    if (this.#closed.signal.aborted) return;
    this.#closed.abort();
    this.#agent.close();
    this.#manager.close();
  }

  /** Shows the agent the end at once. Bytes that the agent has sent still arrive, after this time. */
  endLate(ms: number): void {
    this.up.stall(ms);
    this.down.silence();
    this.#agent.closeWrite().catch(() => {});
  }

  async #pump(
    from: Deno.TcpConn,
    to: Deno.TcpConn,
    pipe: FaultyPipe,
  ): Promise<void> {
    const buffer = new Uint8Array(65_536);
    try {
      for (;;) {
        const size = await from.read(buffer);
        if (size === null) break;
        await pipe.pass(buffer.subarray(0, size), to);
        if (pipe.isCut) return this.close();
      }
      await pipe.pass(new Uint8Array(), to);
      await to.closeWrite();
    } catch {
      // The end of one side ends the other one too, as an RST does.
      this.close();
    }
  }
}

/** Refuses connections on a line for a while. */
export async function refuseFor(
  line: FaultyRelay,
  ms: number,
  { clock }: { clock: Clock },
): Promise<void> {
  line.refuse();
  await sleep(clock, ms);
  line.calm();
}
