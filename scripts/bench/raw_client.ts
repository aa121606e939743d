/**
 * What the runtime alone can do, client's side: connects by TLS as often as it is asked to, and answers each message.
 * Its arguments are the certificate that it trusts, the server's name and port, and the sizes as for the server.
 *
 * @module
 */
import { ALPN } from "../../lib/wire/tls.ts";
import { answerLines } from "./child.ts";
import { PARALLEL_DIALS } from "./pair.ts";
import { inParallel } from "./parallel.ts";
import { readExactly, writeWhole } from "./raw.ts";

const [caFile = "", serverName = "", port = "", sent = "", returned = ""] =
  Deno.args;
const caPem = await Deno.readTextFile(caFile);
const answer = new Uint8Array(Number(returned)).fill(2);
const connections: Deno.TlsConn[] = [];
await answerLines({ connect, leave });

/** Makes so many connections, and returns how many a second. */
async function connect(count: number): Promise<number> {
  const began = performance.now();
  await inParallel(Array.from({ length: count }), PARALLEL_DIALS, async () => {
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
  return count / ((performance.now() - began) / 1_000);
}

async function echo(conn: Deno.TlsConn): Promise<void> {
  try {
    for (;;) {
      await readExactly(conn, Number(sent));
      await writeWhole(conn, answer);
    }
  } catch {
    // Either side has hung up.
  }
}

function leave(): void {
  for (const conn of connections.splice(0)) conn.close();
}
