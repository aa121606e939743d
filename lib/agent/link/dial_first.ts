import { parseAddress } from "../../base/address.ts";
import type { Clock } from "../../base/clock.ts";
import { codeOf, PiriError } from "../../base/errors.ts";
import type { Authority } from "./agent_trust.ts";
import { dialTls } from "../../wire/tls.ts";
import type { Transport } from "../../wire/transport.ts";

/** A Manager by its addresses. */
export interface DialFirstOptions {
  /** Addresses in use at this moment, "host:port". */
  readonly addresses: () => readonly string[];
  /** Name that the certificate must have at each of them. */
  readonly serverName: string;
  /** Trusted authorities at this moment, in the order in which they are tried. */
  readonly authorities: () => readonly Authority[];
  readonly clock: Clock;
}

/**
 * Dials a Manager's addresses in order, until one answers. Each authority is tried by itself, so that it is known which of
 * them has certified the Manager: the connection tells it.
 *
 * Only an address that shows a certificate of another authority is tried again. An address that is silent costs 10 s, or 20 s if it accepts
 * the connection at the last moment.
 *
 * @throws {PiriError} the error of the last address: UNAVAILABLE, DENIED or TIMED_OUT
 */
export async function dialFirst(
  { addresses, authorities, ...options }: DialFirstOptions,
  signal: AbortSignal,
): Promise<Transport> {
  let failure: unknown = new PiriError(
    "UNAVAILABLE",
    "Cannot connect to the Manager: it has no address",
  );
  for (const address of addresses()) {
    const { host: hostname, port } = parseAddress(address);
    for (const { certPem: caPem, hash: authority } of authorities()) {
      const where = { hostname, port, signal, caPem, authority };
      try {
        return await dialTls({ ...options, ...where });
      } catch (error) {
        if (signal.aborted) throw error;
        failure = error;
        if (codeOf(error) !== "DENIED") break;
      }
    }
  }
  throw failure;
}
