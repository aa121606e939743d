/**
 * Server side of raw TLS, to measure the runtime alone: accepts TLS connections, and sends each one bytes that come
 * back. Its arguments are the folder of its certificate, the size of a message and the size of its answer.
 *
 * @module
 */
import { join } from "@std/path";
import { closeQuietly } from "../lib/base/close_quietly.ts";
import { ALPN, BACKLOG } from "../lib/wire/tls.ts";
import { answerLines } from "./child.ts";
import { RawMessage, readExactly, writeWhole } from "./raw.ts";

const [folder = "", ...sizes] = Deno.args;
const [sent = 1, returned = 1] = sizes.map(Number);
/** Connections, each with the number of its next message. */
const connections = new Map<Deno.TlsConn, number>();
const listener = Deno.listenTls({
  hostname: "127.0.0.1",
  port: 0,
  cert: await Deno.readTextFile(join(folder, "server.pem")),
  key: await Deno.readTextFile(join(folder, "server.key")),
  alpnProtocols: [ALPN],
  tcpBacklog: BACKLOG,
});
void accept();
await answerLines({
  port: () => listener.addr.port,
  connections: () => connections.size,
  echo,
  hangUp,
});
Deno.exit(0);

async function accept(): Promise<void> {
  for await (const conn of listener) {
    void conn.handshake().then(() => connections.set(conn, 0));
  }
}

/** Sends this number of messages to each connection, all connections at a time. Returns round trips a second. */
async function echo(rounds: number): Promise<number> {
  const began = performance.now();
  await Promise.all(
    [...connections].map(([conn, first]) => exchange(conn, first, rounds)),
  );
  const seconds = (performance.now() - began) / 1_000;
  return connections.size * rounds / seconds;
}

/** Sends one message after the other, independent of other connections. */
async function exchange(
  conn: Deno.TlsConn,
  first: number,
  rounds: number,
): Promise<void> {
  const message = new RawMessage(sent, 1);
  const answer = new RawMessage(returned, 2);
  const buffer = new Uint8Array(returned);
  for (let number = first; number < first + rounds; number++) {
    message.number = number;
    await writeWhole(conn, message.bytes);
    await readExactly(conn, buffer);
    answer.check(buffer, number);
  }
  connections.set(conn, first + rounds);
}

function hangUp(): void {
  for (const conn of connections.keys()) closeQuietly(conn);
  connections.clear();
}
