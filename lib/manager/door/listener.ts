import { closeQuietly } from "../../base/close_quietly.ts";
import type { Address } from "../../base/address.ts";
import { type Clock, sleep, type Timer } from "../../base/clock.ts";
import type { Counters } from "../../base/counters.ts";
import { messageOf, PiriError } from "../../base/errors.ts";
import { logger } from "../../base/log.ts";
import {
  addressOf,
  ALPN,
  BACKLOG,
  HANDSHAKE_MS,
  TlsTransport,
} from "../../wire/tls.ts";
import type { Transport } from "../../wire/transport.ts";
import { acceptLoop } from "./accept_loop.ts";
import type { CertifiedIdentity, Door } from "./door.ts";

const log = logger("manager", "listener");

/**
 * Most unfinished handshakes; a newcomer beyond that ends the oldest. A whole fleet may come back at once, and an agent
 * that is ended would only dial again. A silent peer costs about 15 kB, which ending it does not free.
 */
const MAX_PENDING = 10_000;

/** Pause before another attempt to listen on a port that is taken, in milliseconds. */
const LISTEN_AGAIN_MS = 1_000;

export interface ListenerOptions {
  readonly hostname: string;
  readonly port: number;
  readonly certPem: string;
  readonly keyPem: string;
  /** SHA-256 of the public key of the authority that certifies it; noted with the connections. */
  readonly authority?: Uint8Array | undefined;
  readonly clock: Clock;
  readonly counters: Counters;
  /** Most unfinished handshakes; MAX_PENDING by default. */
  readonly mostPending?: number;
  /** Takes a connection whose handshake is done. */
  readonly serve: (transport: Transport) => void;
}

interface Pending {
  readonly conn: Deno.TlsConn;
  /** Time at which it is given up, by the monotonic clock. */
  readonly until: number;
}

/** Accepts agents. Accepting never waits for a handshake, so that a silent peer delays nobody. */
export class Listener implements Door {
  readonly #options: ListenerOptions;
  /** Oldest first. */
  readonly #pending = new Set<Pending>();
  /** One timer for all pending handshakes, set to the deadline of the oldest. */
  #timer: Timer | undefined;
  readonly #stop = new AbortController();
  #certPem: string;
  #keyPem: string;
  #authority: Uint8Array | undefined;
  #listener: Deno.TlsListener;
  /** Stops accepting on the current listener. */
  #stopAccepting = new AbortController();
  #accepting: Promise<void>;

  /** @throws {PiriError} UNAVAILABLE if it cannot listen there. */
  constructor(options: ListenerOptions) {
    this.#options = options;
    this.#certPem = options.certPem;
    this.#keyPem = options.keyPem;
    this.#authority = options.authority;
    this.#listener = this.#listen(options.port);
    this.#accepting = this.#accept();
  }

  get address(): Address {
    return addressOf(this.#listener.addr);
  }

  get port(): number {
    return this.#listener.addr.port;
  }

  /** Shows another certificate to newcomers; established connections stay. Takes about a millisecond. */
  async renew(
    { certPem, keyPem, authority }: CertifiedIdentity,
  ): Promise<void> {
    const { port } = this;
    this.#stopAccepting.abort();
    closeQuietly(this.#listener);
    // The port is free once the accept loop has ended.
    await this.#accepting;
    this.#certPem = certPem;
    this.#keyPem = keyPem;
    this.#authority = authority;
    while (!this.#stop.signal.aborted) {
      try {
        this.#listener = this.#listen(port);
        this.#accepting = this.#accept();
        return;
      } catch (error) {
        // Another program took the port in between. The Manager is of no use without it, so it tries again.
        log.error("{error}", { error: messageOf(error) });
        await sleep(this.#options.clock, LISTEN_AGAIN_MS, this.#stop.signal);
      }
    }
  }

  /** Stops accepting, and gives up unfinished handshakes. */
  async close(): Promise<void> {
    this.#stop.abort();
    this.#stopAccepting.abort();
    closeQuietly(this.#listener);
    for (const pending of this.#pending) this.#giveUp(pending);
    this.#timer?.cancel();
    await this.#accepting;
  }

  /** Does nothing: a connection depends on its own socket only. */
  end(): void {}

  #listen(port: number): Deno.TlsListener {
    const { hostname } = this.#options;
    try {
      return Deno.listenTls({
        hostname,
        port,
        cert: this.#certPem,
        key: this.#keyPem,
        alpnProtocols: [ALPN],
        tcpBacklog: BACKLOG,
      });
    } catch (cause) {
      throw new PiriError(
        "UNAVAILABLE",
        `Cannot listen on ${hostname}:${port}: ${messageOf(cause)}`,
        { cause },
      );
    }
  }

  #accept(): Promise<void> {
    this.#stopAccepting = new AbortController();
    const { clock, counters } = this.#options;
    return acceptLoop(this.#listener, {
      receive: (conn) => void this.#shakeHands(conn),
      signal: this.#stopAccepting.signal,
      clock,
      counters,
      log,
    });
  }

  async #shakeHands(conn: Deno.TlsConn): Promise<void> {
    const until = this.#options.clock.monotonic() + HANDSHAKE_MS;
    const pending = { conn, until };
    const authority = this.#authority;
    this.#pending.add(pending);
    this.#timer ??= this.#nextTimer(HANDSHAKE_MS);
    if (this.#pending.size > (this.#options.mostPending ?? MAX_PENDING)) {
      this.#endOldest();
    }
    try {
      await conn.handshake();
    } catch (error) {
      this.#options.counters.add("handshake_failures");
      log.debug("A TLS handshake failed: {error}", { error: messageOf(error) });
      this.#giveUp(pending);
      return;
    }
    if (!this.#pending.delete(pending)) return;
    this.#options.serve(new TlsTransport(conn, authority));
  }

  #nextTimer(ms: number): Timer {
    return this.#options.clock.timer(ms, () => this.#giveUpLate());
  }

  #giveUpLate(): void {
    const { clock, counters } = this.#options;
    this.#timer = undefined;
    const now = clock.monotonic();
    for (const pending of this.#pending) {
      const left = pending.until - now;
      if (left > 0) {
        this.#timer = this.#nextTimer(left);
        return;
      }
      counters.add("handshake_timeouts");
      this.#giveUp(pending);
    }
  }

  #endOldest(): void {
    const [oldest] = this.#pending;
    if (oldest === undefined) return;
    this.#options.counters.add("handshakes_displaced");
    this.#giveUp(oldest);
  }

  #giveUp(pending: Pending): void {
    if (!this.#pending.delete(pending)) return;
    closeQuietly(pending.conn);
  }
}
