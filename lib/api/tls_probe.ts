import { formatAddress } from "../base/address.ts";
import { type Clock, within } from "../base/clock.ts";
import { closeQuietly } from "../base/close_quietly.ts";
import { Disconnected, messageOf, PiriError } from "../base/errors.ts";
import { trustingOnlyGiven } from "../base/trust.ts";
import type { RemoteEndpoint } from "./endpoint.ts";

/** Longest time for a connection and its handshake, in milliseconds. */
const PROBE_MS = 10_000;

/**
 * Connects to a Manager on another machine, checks its certificate, and hangs up. A failed fetch does not tell why; this
 * does. The first one in a process also settles that no authority of the system is trusted.
 *
 * @throws {PiriError} DENIED for a certificate of another authority or name
 * @throws {Disconnected} If it cannot be reached.
 */
export async function probeTls(
  endpoint: RemoteEndpoint,
  clock: Clock,
): Promise<void> {
  const { hostname, port, caPem } = endpoint;
  const where = placeOf(endpoint);
  const late = `Cannot reach the Manager at ${where}: no answer within ${
    PROBE_MS / 1_000
  } s`;
  const giveUp = new AbortController();
  let conn: Deno.Conn | undefined;
  try {
    const { signal } = giveUp;
    const tcp = await within(
      clock,
      PROBE_MS,
      Deno.connect({ hostname, port, signal }),
      late,
    );
    conn = tcp;
    const tls = await trustingOnlyGiven(() =>
      Deno.startTls(tcp, {
        hostname,
        caCerts: [caPem],
        alpnProtocols: ["h2", "http/1.1"],
      })
    );
    conn = tls;
    await within(clock, PROBE_MS, tls.handshake(), late);
  } catch (cause) {
    throw explain(where, cause);
  } finally {
    giveUp.abort();
    if (conn !== undefined) closeQuietly(conn);
  }
}

/** The Manager's address for people. */
export function placeOf({ hostname, port }: RemoteEndpoint): string {
  return formatAddress({ host: hostname, port });
}

function explain(where: string, cause: unknown): PiriError {
  const text = messageOf(cause);
  if (cause instanceof PiriError) return new Disconnected(text, { cause });
  if (!/certificate/i.test(text)) {
    return new Disconnected(`Cannot reach the Manager at ${where}: ${text}`, {
      cause,
    });
  }
  return new PiriError("DENIED", `Cannot trust ${where}: ${reasonOf(text)}`, {
    cause,
  });
}

/** Reason of the TLS library in words for people. */
function reasonOf(text: string): string {
  if (/UnknownIssuer|BadSignature|CaUsedAsEndEntity/.test(text)) {
    return "its certificate is of another authority than the one that you logged in to";
  }
  if (/Expired/i.test(text)) return "its certificate has ended";
  if (!/NotValidForName|not valid for name/.test(text)) return text;
  const names = [...text.matchAll(/(?:DnsName|IpAddress)\("?([^")]+)"?\)/g)]
    .map(([, name]) => name ?? "")
    // Agents know the Manager by this name, and no name server does.
    .filter((name) => !name.endsWith(".piri.internal"));
  return names.length === 0
    ? "its certificate is not for this name"
    : `its certificate is not for this name; use ${names.join(" or ")}`;
}
