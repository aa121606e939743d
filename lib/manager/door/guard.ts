import { closeQuietly } from "../../base/close_quietly.ts";
import { writeAll } from "../../base/write_all.ts";
import type { Address } from "../../base/address.ts";
import type { Clock, Timer } from "../../base/clock.ts";
import type { Counters } from "../../base/counters.ts";
import { messageOf, PiriError } from "../../base/errors.ts";
import { networkOf } from "../../base/ip.ts";
import { logger } from "../../base/log.ts";
import { addressOf, BACKLOG, HANDSHAKE_MS } from "../../wire/tls.ts";
import type { Transport } from "../../wire/transport.ts";
import { acceptLoop } from "./accept_loop.ts";

const log = logger("manager", "guard");

/** Sizes of a read buffer: small while a connection sends little, so that thousands of them cost little memory. */
const READ_BYTES = { first: 2_048, most: 65_536 };

/** Time in which a peer must read the rest and hang up once the Manager has done so, in milliseconds. */
const LINGER_MS = 2_000;

/** Time for which the port of an ended connection is known, in milliseconds. Its handshake may end after it. */
const ENDED_PORT_MS = HANDSHAKE_MS + 1_000;

/** Type of a TLS record that begins a handshake: RFC 8446 section 5.1. */
const HANDSHAKE_RECORD = 22;

/** Most connections of a guard. */
export interface GuardLimits {
  /** Most connections from one address. An IPv6 /64 counts as one: a customer has all of it. */
  readonly perAddress: number;
  readonly total: number;
}

/** Limits of a guard by default. */
export const GUARD_LIMITS: GuardLimits = { perAddress: 500, total: 5_000 };

export interface GuardOptions extends GuardLimits {
  readonly hostname: string;
  readonly port: number;
  /** Port of the TLS listener on 127.0.0.1. */
  readonly innerPort: () => number;
  readonly clock: Clock;
  readonly counters: Counters;
}

/**
 * Relays plain TCP connections to the TLS listener of a Manager that is exposed to strangers.
 *
 * A TLS connection whose handshake hangs keeps its socket for as long as its peer likes; a plain one can be closed. The
 * guard closes every connection that does not begin a handshake, or does not finish it in time, and limits their
 * number.
 */
export class Guard {
  readonly #options: GuardOptions;
  readonly #listener: Deno.TcpListener;
  readonly #accepting: Promise<void>;
  readonly #stop = new AbortController();
  readonly #connections = new Set<GuardedConnection>();
  /** Connections that have not finished a handshake, oldest first. */
  readonly #unauthenticated = new Set<GuardedConnection>();
  /** Number of connections of each origin. */
  readonly #byOrigin = new Map<string, number>();
  /** Connections by the local port from which the guard dialled the listener. */
  readonly #byInnerPort = new Map<number, GuardedConnection>();
  /** Inner ports of ended connections with the monotonic times of their ends, oldest first. */
  readonly #endedPorts = new Map<number, number>();

  /** @throws {PiriError} UNAVAILABLE if it cannot listen there. */
  constructor(options: GuardOptions) {
    this.#options = options;
    const { hostname, port } = options;
    try {
      this.#listener = Deno.listen({ hostname, port, tcpBacklog: BACKLOG });
    } catch (cause) {
      throw new PiriError(
        "UNAVAILABLE",
        `Cannot listen on ${hostname}:${port}: ${messageOf(cause)}`,
        { cause },
      );
    }
    this.#accepting = acceptLoop(this.#listener, {
      receive: (conn) => this.#receive(conn),
      signal: this.#stop.signal,
      clock: options.clock,
      counters: options.counters,
      log,
    });
  }

  get address(): Address {
    return addressOf(this.#listener.addr);
  }

  get port(): number {
    return this.#listener.addr.port;
  }

  /** Number of connections. */
  get size(): number {
    return this.#connections.size;
  }

  /**
   * Returns a connection, whose handshake is done, with the address of its real peer. Undefined if its peer hung up
   * meanwhile, or if it did not pass this guard: somebody on this host has dialled the listener itself.
   */
  admit(transport: Transport): Transport | undefined {
    const peer = this.passed(transport.peer.port);
    return peer && {
      peer,
      authority: transport.authority,
      read: () => transport.read(),
      write: (bytes) => transport.write(bytes),
      close: () => transport.close(),
    };
  }

  /**
   * Address of the real peer of a connection to the listener, by the port that it comes from. Its handshake is done, so it
   * may stay. Undefined as for `admit`.
   */
  passed(port: number): Address | undefined {
    const connection = this.#byInnerPort.get(port);
    if (connection === undefined) {
      this.#forgetOldPorts();
      this.#options.counters.add(
        this.#endedPorts.has(port) ? "guard_hung_up" : "guard_bypassed",
      );
      return undefined;
    }
    this.#unauthenticated.delete(connection);
    connection.deadline.cancel();
    return connection.peer;
  }

  /** Stops accepting. Relayed connections go on until one side hangs up, or `end`. */
  async close(): Promise<void> {
    this.#stop.abort();
    closeQuietly(this.#listener);
    for (const connection of [...this.#unauthenticated]) this.#end(connection);
    await this.#accepting;
  }

  /** Waits until all connections have ended, which must be ending already. */
  async drained(): Promise<void> {
    await Promise.all([...this.#connections].map(({ relayed }) => relayed));
  }

  /** Ends all relayed connections. */
  end(): void {
    for (const connection of [...this.#connections]) this.#end(connection);
  }

  #receive(outer: Deno.TcpConn): void {
    const { clock, counters, perAddress, total } = this.#options;
    const origin = networkOf(outer.remoteAddr.hostname);
    const count = this.#byOrigin.get(origin) ?? 0;
    if (count >= perAddress) {
      counters.add("guard_address_full");
      return closeQuietly(outer);
    }
    if (this.#connections.size >= total) {
      const [oldest] = this.#unauthenticated;
      if (oldest === undefined) {
        counters.add("guard_full");
        return closeQuietly(outer);
      }
      // A silent connection must not keep others out.
      counters.add("guard_displaced");
      this.#end(oldest);
    }
    const connection: GuardedConnection = {
      outer,
      inner: undefined,
      relayed: undefined,
      origin,
      peer: addressOf(outer.remoteAddr),
      deadline: clock.timer(HANDSHAKE_MS, () => {
        counters.add("guard_timeouts");
        this.#end(connection);
      }),
    };
    this.#byOrigin.set(origin, (this.#byOrigin.get(origin) ?? 0) + 1);
    this.#connections.add(connection);
    this.#unauthenticated.add(connection);
    connection.relayed = this.#relay(connection)
      .catch((error) =>
        log.debug("A relayed connection broke: {error}", {
          error: messageOf(error),
        })
      )
      .finally(() => this.#end(connection));
  }

  async #relay(connection: GuardedConnection): Promise<void> {
    const { outer } = connection;
    outer.setNoDelay(true);
    const buffer = new Uint8Array(READ_BYTES.first);
    const count = await outer.read(buffer);
    if (count === null) return;
    if (buffer[0] !== HANDSHAKE_RECORD) {
      this.#options.counters.add("guard_not_tls");
      return;
    }
    const inner = await Deno.connect({
      hostname: "127.0.0.1",
      port: this.#options.innerPort(),
    });
    if (!this.#connections.has(connection)) return closeQuietly(inner);
    connection.inner = inner;
    inner.setNoDelay(true);
    // Set before the first byte is relayed, and so before `admit` asks for it.
    this.#endedPorts.delete(inner.localAddr.port);
    this.#byInnerPort.set(inner.localAddr.port, connection);
    await writeAll(inner, buffer.subarray(0, count));
    await Promise.all([pump(outer, inner), this.#answer(inner, connection)]);
  }

  async #answer(
    inner: Deno.TcpConn,
    connection: GuardedConnection,
  ): Promise<void> {
    await pump(inner, connection.outer);
    if (!this.#connections.has(connection)) return;
    connection.deadline.cancel();
    connection.deadline = this.#options.clock.timer(
      LINGER_MS,
      () => this.#end(connection),
    );
  }

  #end(connection: GuardedConnection): void {
    if (!this.#connections.delete(connection)) return;
    connection.deadline.cancel();
    this.#unauthenticated.delete(connection);
    const left = (this.#byOrigin.get(connection.origin) ?? 1) - 1;
    if (left === 0) this.#byOrigin.delete(connection.origin);
    else this.#byOrigin.set(connection.origin, left);
    closeQuietly(connection.outer);
    if (connection.inner === undefined) return;
    this.#noteEnd(connection.inner.localAddr.port);
    closeQuietly(connection.inner);
  }

  /** Remembers the port of an ended connection for as long as the listener may take for its handshake. */
  #noteEnd(port: number): void {
    this.#byInnerPort.delete(port);
    this.#forgetOldPorts();
    this.#endedPorts.delete(port);
    this.#endedPorts.set(port, this.#options.clock.monotonic());
  }

  #forgetOldPorts(): void {
    const until = this.#options.clock.monotonic() - ENDED_PORT_MS;
    for (const [port, endedAt] of this.#endedPorts) {
      if (endedAt > until) return;
      this.#endedPorts.delete(port);
    }
  }
}

/** A connection from outside, and the one to the listener that it is relayed to. */
interface GuardedConnection {
  readonly outer: Deno.TcpConn;
  inner: Deno.TcpConn | undefined;
  /** Resolves at its end. */
  relayed: Promise<void> | undefined;
  readonly origin: string;
  readonly peer: Address;
  deadline: Timer;
}

/** Copies bytes until the end of `from`, and passes the end on. */
async function pump(from: Deno.TcpConn, to: Deno.TcpConn): Promise<void> {
  let buffer = new Uint8Array(READ_BYTES.first);
  while (true) {
    const count = await from.read(buffer);
    if (count === null) break;
    await writeAll(to, buffer.subarray(0, count));
    if (count === buffer.length && count < READ_BYTES.most) {
      buffer = new Uint8Array(count * 2);
    }
  }
  await to.closeWrite();
}
