/**
 * What the runtime alone can do, server's side: accepts TLS connections, and sends each of them bytes that come back.
 * Its arguments are the folder of its certificate, and the sizes of what is sent and of what comes back.
 *
 * @module
 */
import { join } from "@std/path";
import { ALPN } from "../../lib/wire/tls.ts";
import { answerLines } from "./child.ts";
import { readExactly, writeWhole } from "./raw.ts";

const [folder = "", sent = "", returned = ""] = Deno.args;
const connections = new Set<Deno.TlsConn>();
const listener = Deno.listenTls({
  hostname: "127.0.0.1",
  port: 0,
  cert: await Deno.readTextFile(join(folder, "server.pem")),
  key: await Deno.readTextFile(join(folder, "server.key")),
  alpnProtocols: [ALPN],
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
    void conn.handshake().then(() => connections.add(conn));
  }
}

/** Sends so many messages to each connection, one after the other, all connections at a time. Returns round trips/s. */
async function echo(rounds: number): Promise<number> {
  const message = new Uint8Array(Number(sent)).fill(1);
  const began = performance.now();
  for (let round = 0; round < rounds; round++) {
    await Promise.all(
      [...connections].map(async (conn) => {
        await writeWhole(conn, message);
        await readExactly(conn, Number(returned));
      }),
    );
  }
  const seconds = (performance.now() - began) / 1_000;
  return connections.size * rounds / seconds;
}

function hangUp(): void {
  for (const conn of connections) conn.close();
  connections.clear();
}
