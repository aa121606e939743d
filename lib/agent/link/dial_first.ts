import { parseAddress } from "../../base/address.ts";
import type { Clock } from "../../base/clock.ts";
import { PiriError } from "../../base/errors.ts";
import { dialTls } from "../../wire/tls.ts";
import type { Transport } from "../../wire/transport.ts";

/** A Manager by its addresses. */
export interface DialFirstOptions {
  /** Addresses in use at this moment, "host:port". */
  readonly addresses: () => readonly string[];
  /** Name that the certificate must have at each of them. */
  readonly serverName: string;
  /** Certificate of the only trusted authority, as PEM. */
  readonly caPem: string;
  readonly clock: Clock;
}

/**
 * Dials a Manager's addresses in order, until one answers. An address that is silent costs 10 s, or 20 s if it accepts
 * the connection at the last moment.
 *
 * @throws {PiriError} the error of the last address: UNAVAILABLE, DENIED or TIMED_OUT
 */
export async function dialFirst(
  { addresses, ...options }: DialFirstOptions,
  signal: AbortSignal,
): Promise<Transport> {
  let failure: unknown = new PiriError(
    "UNAVAILABLE",
    "Cannot connect to the Manager: it has no address",
  );
  for (const address of addresses()) {
    const { host: hostname, port } = parseAddress(address);
    try {
      return await dialTls({ hostname, port, signal, ...options });
    } catch (error) {
      if (signal.aborted) throw error;
      failure = error;
    }
  }
  throw failure;
}
