/**
 * Client side of raw TLS, to measure the runtime alone: makes connections on request, and answers each message. Its
 * arguments are the trusted certificate, the server's name and port, the sizes as for the server, and the number of
 * dials at a time.
 *
 * @module
 */
import { closeQuietly } from "../lib/base/close_quietly.ts";
import { ALPN } from "../lib/wire/tls.ts";
import { answerLines } from "./child.ts";
import { inParallel } from "./parallel.ts";
import { RawMessage, readExactly, writeWhole } from "./raw.ts";

const [caFile = "", serverName = "", port = "", ...numbers] = Deno.args;
const [sent = 1, returned = 1, parallel = 1] = numbers.map(Number);
const caPem = await Deno.readTextFile(caFile);
const connections: Deno.TlsConn[] = [];
await answerLines({ connect, leave });

/** Makes this number of connections, and returns the time for all of them, in seconds. */
async function connect(count: number): Promise<number> {
  const began = performance.now();
  await inParallel(Array.from({ length: count }), parallel, async () => {
    const tcp = await Deno.connect({
      hostname: "127.0.0.1",
      port: Number(port),
    });
    tcp.setNoDelay(true);
    const conn = await Deno.startTls(tcp, {
      hostname: serverName,
      caCerts: [caPem],
      alpnProtocols: [ALPN],
    });
    await conn.handshake();
    connections.push(conn);
    void echo(conn);
  });
  return (performance.now() - began) / 1_000;
}

/** Answers messages in their order. A wrong message ends the connection, which the server notices. */
async function echo(conn: Deno.TlsConn): Promise<void> {
  const message = new RawMessage(sent, 1);
  const answer = new RawMessage(returned, 2);
  const buffer = new Uint8Array(sent);
  try {
    for (let number = 0;; number++) {
      await readExactly(conn, buffer);
      message.check(buffer, number);
      answer.number = number;
      await writeWhole(conn, answer.bytes);
    }
  } catch {
    // The server has hung up.
    closeQuietly(conn);
  }
}

function leave(): void {
  for (const conn of connections.splice(0)) closeQuietly(conn);
}
