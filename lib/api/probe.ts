import { formatAddress } from "../base/address.ts";
import { systemClock, within } from "../base/clock.ts";
import { Disconnected, messageOf, PiriError } from "../base/errors.ts";
import { trustingOnlyGiven } from "../base/own_trust.ts";
import type { Endpoint } from "./endpoint.ts";

/** Longest time to connect and shake hands, in milliseconds. */
const CONNECT_MS = 10_000;

/** Connects and hangs up. A failed fetch does not give the cause; this does. */
export async function probe(endpoint: Endpoint): Promise<void> {
  if (endpoint.transport === "tls") return await shakeHands(endpoint);
  const connection = endpoint.transport === "unix"
    ? await Deno.connect({ transport: "unix", path: endpoint.path })
    : await Deno.connect({
      hostname: endpoint.hostname,
      port: endpoint.port,
    });
  connection.close();
}

/** As the first use of TLS in this program, it settles that no authority counts but the given one. */
async function shakeHands(
  { hostname, port, caPem }: Endpoint & { transport: "tls" },
): Promise<void> {
  const where = formatAddress({ host: hostname, port });
  const limit = <T>(promise: Promise<T>) =>
    within(
      systemClock,
      CONNECT_MS,
      promise,
      `there was no answer within ${CONNECT_MS / 1_000} s`,
    );
  let open: Deno.Conn | undefined;
  try {
    const tcp = await limit(Deno.connect({ hostname, port }));
    open = tcp;
    const tls = await trustingOnlyGiven(() =>
      Deno.startTls(tcp, {
        hostname,
        caCerts: [caPem],
        alpnProtocols: ["h2", "http/1.1"],
      })
    );
    open = tls;
    await limit(tls.handshake());
  } catch (cause) {
    const fact = messageOf(cause);
    throw /certificate/i.test(fact)
      ? new PiriError("DENIED", `Cannot trust ${where}: ${fact}`, { cause })
      : new Disconnected(`Cannot reach the Manager at ${where}: ${fact}`, {
        cause,
      });
  } finally {
    try {
      open?.close();
    } catch {
      // The failed handshake has closed it.
    }
  }
}
