import type { Address } from "../../base/address.ts";
import { type Clock, sleep, type Timer } from "../../base/clock.ts";
import type { Counters } from "../../base/counters.ts";
import { messageOf, PiriError } from "../../base/errors.ts";
import { logger } from "../../base/log.ts";
import type { Identity } from "../../base/pem.ts";
import {
  addressOf,
  ALPN,
  BACKLOG,
  closeQuietly,
  HANDSHAKE_MS,
  TlsTransport,
} from "../../wire/tls.ts";
import type { Transport } from "../../wire/transport.ts";
import { acceptLoop } from "./accept_loop.ts";
import type { Door } from "./door.ts";

const log = logger("manager", "listener");

/**
 * So many handshakes may be under way; a newcomer beyond that ends the oldest. A whole fleet may come back at once, and
 * whoever is ended would only dial again; one that is silent costs about 15 kB, and keeps them though it is ended.
 */
const MAX_PENDING = 10_000;

/** A port that is taken is tried again after so long, milliseconds. */
const LISTEN_AGAIN_MS = 1_000;

/** What a listener is made of. */
export interface ListenerOptions {
  readonly hostname: string;
  readonly port: number;
  readonly certPem: string;
  readonly keyPem: string;
  readonly clock: Clock;
  readonly counters: Counters;
  /** So many handshakes may be under way; MAX_PENDING unless said. */
  readonly mostPending?: number;
  /** Takes a connection whose handshake is done. */
  readonly serve: (transport: Transport) => void;
}

interface Pending {
  readonly conn: Deno.TlsConn;
  /** When it is given up, by the monotonic clock. */
  readonly until: number;
}

/** Accepts agents. Accepting never waits for a handshake, so that nobody waits behind the silent. */
export class Listener implements Door {
  readonly #options: ListenerOptions;
  /** Oldest first. */
  readonly #pending = new Set<Pending>();
  /** One for all: set for the one that was the oldest then. */
  #timer: Timer | undefined;
  readonly #stop = new AbortController();
  #certPem: string;
  #keyPem: string;
  #listener: Deno.TlsListener;
  /** Stops accepting on the current listener. */
  #stopAccepting = new AbortController();
  #accepting: Promise<void>;

  /** @throws {PiriError} UNAVAILABLE if it cannot listen there. */
  constructor(options: ListenerOptions) {
    this.#options = options;
    this.#certPem = options.certPem;
    this.#keyPem = options.keyPem;
    this.#listener = this.#listen(options.port);
    this.#accepting = this.#accept();
  }

  get address(): Address {
    return addressOf(this.#listener.addr);
  }

  get port(): number {
    return this.#listener.addr.port;
  }

  /** Shows another certificate to those who come from now on; connections stay. Takes about a millisecond. */
  async renew({ certPem, keyPem }: Identity): Promise<void> {
    const { port } = this;
    this.#certPem = certPem;
    this.#keyPem = keyPem;
    this.#stopAccepting.abort();
    closeQuietly(this.#listener);
    // The port is free once its accepting has ended.
    await this.#accepting;
    while (!this.#stop.signal.aborted) {
      try {
        this.#listener = this.#listen(port);
        this.#accepting = this.#accept();
        return;
      } catch (error) {
        // Somebody took the port in between: without it this Manager is of no use, so it is waited for.
        log.error("{error}", { error: messageOf(error) });
        await sleep(this.#options.clock, LISTEN_AGAIN_MS, this.#stop.signal);
      }
    }
  }

  /** Stops accepting, and gives up the handshakes that are under way. */
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
    this.#options.serve(new TlsTransport(conn));
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
