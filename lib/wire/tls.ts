import type { Address } from "../base/address.ts";
import { type Clock, within } from "../base/clock.ts";
import { closeQuietly } from "../base/close_quietly.ts";
import { messageOf, PiriError } from "../base/errors.ts";
import { trustingOnlyGiven } from "../base/trust.ts";
import type { Transport } from "./transport.ts";

/** Longest duration of a handshake, in milliseconds: protocol.md, "Timers". */
export const HANDSHAKE_MS = 10_000;

/** Name of the protocol within TLS (RFC 7301): a port can be shared later. */
export const ALPN = "piri/1";

/**
 * Most connections that wait to be accepted, if the system allows it: Linux takes at most 4,096 by default. The
 * dialling system retries those beyond the limit after 1 s, then 2 s, then 4 s.
 */
export const BACKLOG = 10_000;

/** Size of the read buffer for a peer that sends little: many idle peers cost little memory. */
const MIN_READ_BYTES = 512;

/** Size of the read buffer for a peer that sends much. */
const MAX_READ_BYTES = 65_536;

/** An established TLS connection, of either side. */
export class TlsTransport implements Transport {
  readonly peer: Address;
  readonly authority: Uint8Array | undefined;
  readonly #conn: Deno.TlsConn;
  #buffer = new Uint8Array(MIN_READ_BYTES);
  #closed = false;

  constructor(conn: Deno.TlsConn, authority?: Uint8Array) {
    this.#conn = conn;
    this.authority = authority;
    this.peer = addressOf(conn.remoteAddr);
  }

  async read(): Promise<Uint8Array<ArrayBuffer> | undefined> {
    try {
      const count = await this.#conn.read(this.#buffer);
      if (count === null) return undefined;
      const bytes = this.#buffer.subarray(0, count);
      this.#fit(count);
      return bytes;
    } catch (error) {
      // Closing interrupts a pending read: an end, not a failure.
      if (this.#closed) return undefined;
      // TLS did not end with close_notify: the peer was killed, or the network was cut.
      if (error instanceof Deno.errors.UnexpectedEof) {
        throw new PiriError("UNAVAILABLE", "the connection broke off", {
          cause: error,
        });
      }
      throw error;
    }
  }

  /** Enlarges the buffer after a full read, and shrinks it after a small one. */
  #fit(count: number): void {
    const { length } = this.#buffer;
    if (count === length && length < MAX_READ_BYTES) {
      this.#buffer = new Uint8Array(Math.min(length * 4, MAX_READ_BYTES));
    } else if (count < MIN_READ_BYTES && length > MIN_READ_BYTES) {
      this.#buffer = new Uint8Array(MIN_READ_BYTES);
    }
  }

  write(bytes: Uint8Array): Promise<number> {
    return this.#conn.write(bytes);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    closeQuietly(this.#conn);
  }
}

export interface DialOptions {
  readonly hostname: string;
  readonly port: number;
  /** Name that the certificate must have. */
  readonly serverName: string;
  /** Certificate of the only trusted authority, as PEM. */
  readonly caPem: string;
  /** SHA-256 of the public key of that authority; noted with the connection. */
  readonly authority?: Uint8Array;
  readonly clock: Clock;
  readonly signal?: AbortSignal;
}

/**
 * Dials and shakes hands.
 *
 * @throws {PiriError} UNAVAILABLE if there is no connection, DENIED if the certificate is not the expected one,
 * TIMED_OUT after 10 s.
 */
export async function dialTls(options: DialOptions): Promise<TlsTransport> {
  const tcp = await dialTcp(options);
  return await shakeHands(tcp, options);
}

/** Connects by TCP: the first half of a dial. Throws UNAVAILABLE or TIMED_OUT. */
export async function dialTcp(
  { hostname, port, clock, signal }: Pick<
    DialOptions,
    "hostname" | "port" | "clock" | "signal"
  >,
): Promise<Deno.TcpConn> {
  const where = `${hostname}:${port}`;
  const late = new AbortController();
  const timer = clock.timer(HANDSHAKE_MS, () => late.abort());
  const abort = () => late.abort();
  if (signal?.aborted) abort();
  signal?.addEventListener("abort", abort, { once: true });
  try {
    const conn = await Deno.connect({ hostname, port, signal: late.signal });
    conn.setNoDelay(true);
    conn.setKeepAlive(true);
    return conn;
  } catch (cause) {
    if (late.signal.aborted && !signal?.aborted) {
      throw new PiriError(
        "TIMED_OUT",
        `Cannot connect to ${where}: no answer within ${
          HANDSHAKE_MS / 1_000
        } s`,
        { cause },
      );
    }
    throw new PiriError(
      "UNAVAILABLE",
      `Cannot connect to ${where}: ${messageOf(cause)}`,
      { cause },
    );
  } finally {
    timer.cancel();
    signal?.removeEventListener("abort", abort);
  }
}

/** Starts TLS: the second half of a dial. Closes the connection if it throws: DENIED, UNAVAILABLE or TIMED_OUT. */
export async function shakeHands(
  tcp: Deno.TcpConn,
  { hostname, port, serverName, caPem, authority, clock }: DialOptions,
): Promise<TlsTransport> {
  const where = `${hostname}:${port}`;
  let conn: Deno.TlsConn | undefined;
  try {
    conn = await trustingOnlyGiven(() =>
      Deno.startTls(tcp, {
        hostname: serverName,
        caCerts: [caPem],
        alpnProtocols: [ALPN],
      })
    );
    await within(
      clock,
      HANDSHAKE_MS,
      conn.handshake(),
      `Cannot finish the TLS handshake with ${where}: it took over ${
        HANDSHAKE_MS / 1_000
      } s`,
    );
    return new TlsTransport(conn, authority);
  } catch (cause) {
    closeQuietly(conn ?? tcp);
    if (cause instanceof PiriError) throw cause;
    const text = messageOf(cause);
    throw new PiriError(
      /certificate/i.test(text) ? "DENIED" : "UNAVAILABLE",
      `Cannot trust ${where}: ${text}`,
      { cause },
    );
  }
}

/** The address of one end of a socket. */
export function addressOf({ hostname, port }: Deno.NetAddr): Address {
  return { host: hostname, port };
}
