import type { NatsConnection } from "@nats-io/nats-core";
import {
  NatsConnectionImpl,
  setTransportFactory,
} from "@nats-io/nats-core/internal";
import { NatsTransport } from "./nats_transport.ts";

/** Address of a NATS server, with its certificate and name. */
export interface NatsAddress {
  readonly port: number;
  readonly serverName: string;
  readonly caPem: string;
}

/** Connects to a NATS server on this machine, over TLS. A connection that ends is not made again. */
export function connectNats(
  { port, serverName, caPem }: NatsAddress,
): Promise<NatsConnection> {
  const tls = { hostname: serverName, caCerts: [caPem] };
  setTransportFactory({ factory: () => new NatsTransport(tls) });
  return NatsConnectionImpl.connect({
    servers: `127.0.0.1:${port}`,
    reconnect: false,
  });
}
