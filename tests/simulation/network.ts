import type { Address } from "../../lib/base/address.ts";
import { PiriError } from "../../lib/base/errors.ts";
import type { Transport } from "../../lib/wire/transport.ts";
import type { Life } from "./life.ts";
import { type Interceptor, Pipe, type PipeTimes } from "./pipe.ts";
import type { SeededRandom } from "./seeded_random.ts";
import type { Trace } from "./trace.ts";
import type { VirtualTime } from "./virtual_time.ts";

/** Break of a connection as each side sees it. */
export interface Break {
  /** Times at which each side notices it, in milliseconds from now. Infinity: never. */
  readonly agentHearsMs: number;
  readonly managerHearsMs: number;
  /** Delay of the bytes under way, in milliseconds. Undefined: they are lost from a random byte on. */
  readonly upLagMs: number | undefined;
  readonly downLagMs: number | undefined;
}

/** Program that accepts connections. */
export interface Server {
  readonly life: Life;
  /** SHA-256 of the authority that certifies it at this moment; absent in a world without rotations. */
  readonly authority?: Uint8Array | undefined;
  accept(transport: Transport): void;
}

/** Parts of a network. */
export interface NetworkOptions {
  readonly time: VirtualTime;
  readonly trace: Trace;
  readonly random: SeededRandom;
  /** Observer of a direction of a connection, which may also change its messages. */
  readonly intercept: (
    wire: Wire,
    direction: "up" | "down",
  ) => Interceptor | undefined;
}

/** Network between all agents and their Manager. */
export class Network {
  readonly options: NetworkOptions;
  readonly wires = new Set<Wire>();
  /** Program that listens; undefined while there is none. */
  server: Server | undefined;
  /** Agents that cannot be reached at all. */
  readonly partitioned = new Set<string>();
  /** True once all links are good and stay good. */
  healed = false;
  /** A stranger who answers this agent's dial in the place of the Manager, if there is one. */
  caught: (agent: string) => Server | undefined = () => undefined;
  #count = 0;

  constructor(options: NetworkOptions) {
    this.options = options;
  }

  /** Count of connections so far. */
  get count(): number {
    return this.#count;
  }

  /** Connects an agent with the program that listens. */
  async dial(
    agent: string,
    { life, signal }: { life: Life; signal: AbortSignal },
  ): Promise<Transport> {
    const { time, random } = this.options;
    const stranger = this.caught(agent);
    const server = stranger ?? this.server;
    const isBlocked = this.partitioned.has(agent);
    await time.pass(isBlocked ? 10_000 : random.whole(1, 60));
    if (
      isBlocked || server === undefined ||
      server !== (stranger ?? this.server) ||
      !server.life.isAlive || signal.aborted
    ) {
      throw new PiriError("UNAVAILABLE", `Cannot reach the Manager: planned`);
    }
    const wire = new Wire(this, {
      agent,
      number: ++this.#count,
      agentLife: life,
      managerLife: server.life,
      isCaught: stranger !== undefined,
    });
    wire.agentEnd.authority = server.authority;
    wire.managerEnd.authority = server.authority;
    this.wires.add(wire);
    server.accept(wire.managerEnd);
    return wire.agentEnd;
  }

  /** Closes all connections of a dead program, as the kernel does. Without power, nobody closes them. */
  closeAllOf(life: Life, { silently }: { silently: boolean }): void {
    for (const wire of this.wires) {
      const side = wire.agentLife === life
        ? wire.agentEnd
        : wire.managerLife === life
        ? wire.managerEnd
        : undefined;
      if (side === undefined) continue;
      if (silently) {
        wire.goSilent();
        side.vanish();
      } else side.shut();
    }
  }

  /** Makes links good from now on. Old connections that are bad end. */
  heal(): void {
    this.healed = true;
    this.partitioned.clear();
    for (const wire of this.wires) wire.heal();
  }
}

/** One connection. */
export class Wire {
  readonly agent: string;
  readonly number: number;
  /** Address of the agent as the Manager sees it. */
  readonly peer: Address;
  readonly agentLife: Life;
  readonly managerLife: Life;
  /** True if a stranger has answered the dial. */
  readonly isCaught: boolean;
  readonly up: Pipe;
  readonly down: Pipe;
  readonly agentEnd: WireEnd;
  readonly managerEnd: WireEnd;
  /** True if it broke and the agent knows it. */
  isBroken = false;
  readonly #network: Network;

  constructor(
    network: Network,
    { agent, number, agentLife, managerLife, isCaught }: Pick<
      Wire,
      "agent" | "number" | "agentLife" | "managerLife" | "isCaught"
    >,
  ) {
    const { time, trace, random, intercept } = network.options;
    this.agent = agent;
    this.number = number;
    this.agentLife = agentLife;
    this.managerLife = managerLife;
    this.isCaught = isCaught;
    this.#network = network;
    const own = random.fork(`${agent} ${number}`);
    const times = network.healed ? GOOD : someTimes(own);
    const parts = { time, trace, random: own, times };
    this.up = new Pipe({ ...parts, intercept: intercept(this, "up") });
    this.down = new Pipe({ ...parts, intercept: intercept(this, "down") });
    this.peer = { host: "10.0.0.1", port: 1_000 + number };
    const closed = () => this.#closed();
    this.agentEnd = new WireEnd(
      { peer: { host: "mgr", port: 7_051 }, life: agentLife, closed },
      { incoming: this.down, outgoing: this.up },
    );
    this.managerEnd = new WireEnd(
      { peer: this.peer, life: managerLife, closed },
      { incoming: this.up, outgoing: this.down },
    );
  }

  /** Breaks it. Each side notices it at its own time. */
  break({ agentHearsMs, managerHearsMs, upLagMs, downLagMs }: Break): void {
    this.isBroken ||= agentHearsMs < Infinity;
    this.up.break({
      lagMs: upLagMs,
      writer: agentHearsMs,
      reader: managerHearsMs,
    });
    this.down.break({
      lagMs: downLagMs,
      writer: managerHearsMs,
      reader: agentHearsMs,
    });
  }

  /** Drops all bytes from now on, without telling anybody. */
  goSilent(): void {
    this.break({
      agentHearsMs: Infinity,
      managerHearsMs: Infinity,
      upLagMs: undefined,
      downLagMs: undefined,
    });
  }

  heal(): void {
    this.up.heal(GOOD);
    this.down.heal(GOOD);
  }

  #closed(): void {
    if (this.agentEnd.isShut && this.managerEnd.isShut) {
      this.#network.wires.delete(this);
    }
  }
}

/** One side's end of a connection. */
export class WireEnd implements Transport {
  readonly peer: Address;
  /** SHA-256 of the authority that has certified the Manager on this connection. */
  authority: Uint8Array | undefined;
  readonly #life: Life;
  readonly #incoming: Pipe;
  readonly #outgoing: Pipe;
  readonly #closed: () => void;
  #isShut = false;

  constructor(
    { peer, life, closed }: { peer: Address; life: Life; closed: () => void },
    { incoming, outgoing }: { incoming: Pipe; outgoing: Pipe },
  ) {
    this.peer = peer;
    this.#life = life;
    this.#closed = closed;
    this.#incoming = incoming;
    this.#outgoing = outgoing;
  }

  get isShut(): boolean {
    return this.#isShut;
  }

  read(): Promise<Uint8Array<ArrayBuffer> | undefined> {
    return this.#life.call(() => this.#incoming.read());
  }

  write(bytes: Uint8Array): Promise<number> {
    return this.#life.call(() => this.#outgoing.write(bytes));
  }

  close(): void {
    if (this.#life.passes()) this.shut();
  }

  /** Disappears without a word. */
  vanish(): void {
    this.#isShut = true;
    this.#closed();
  }

  /** Ends both directions, as the kernel does it. */
  shut(): void {
    if (this.#isShut) return;
    this.#isShut = true;
    this.#outgoing.finish();
    this.#incoming.abandon();
    this.#closed();
  }
}

const GOOD: PipeTimes = { latencyMs: 2, bytesPerMs: 10_000, capacity: 262_144 };

/** Chooses times of a link: most links are good, some are far, some have little throughput and much buffer. */
function someTimes(random: SeededRandom): PipeTimes {
  if (random.chance(0.75)) {
    return { ...GOOD, latencyMs: random.pick([0, 1, 1, 20]) };
  }
  return {
    latencyMs: random.pick([1, 50, 400]),
    bytesPerMs: random.pick([4, 30, 1_000]),
    capacity: random.pick([2_000, 65_536, 4_194_304]),
  };
}
