import { join } from "@std/path";
import { EMPTY_TRUST } from "../lib/base/trust.ts";
import { serverNameOf } from "../lib/manager/state/authority.ts";
import { until } from "../scripts/local/until.ts";
import { Child } from "./child.ts";
import { PARALLEL_DIALS } from "./pair.ts";
import { shares } from "./shares.ts";

export interface RawOptions {
  /** Size of a message and of its answer, in bytes. */
  readonly sent?: number;
  readonly returned?: number;
  /** Largest number of connections. */
  readonly connections?: number;
  /** Number of dials under way at a time. */
  readonly parallel?: number;
}

/** Raw TLS between processes: one server, as many clients as a fleet has, and the certificate of a Manager's folder. */
export class RawPair implements AsyncDisposable {
  private constructor(
    readonly server: Child,
    readonly clients: readonly Child[],
    /** Path of the authority that a client trusts. */
    readonly caFile: string,
    readonly serverName: string,
    readonly port: number,
    readonly undo: AsyncDisposableStack,
  ) {}

  static async start(
    dir: string,
    {
      sent = 1,
      returned = 1,
      connections = 1,
      parallel = PARALLEL_DIALS,
    }: RawOptions,
  ): Promise<RawPair> {
    await using undo = new AsyncDisposableStack();
    const sizes = [String(sent), String(returned)];
    const server = undo.use(
      await Child.start("./raw_server.ts", { args: [dir, ...sizes] }),
    );
    const port = Number(await server.ask("port"));
    const caFile = join(dir, "ca.pem");
    const serverName = await serverNameIn(dir);
    const clients: Child[] = [];
    for (const share of shares(connections)) {
      const dials = String(Math.ceil(parallel * share / connections));
      const args = [caFile, serverName, String(port), ...sizes, dials];
      // Otherwise each handshake would copy some 140 root certificates. Ours trusts one authority only.
      const env = EMPTY_TRUST;
      clients.push(
        undo.use(await Child.start("./raw_client.ts", { args, env })),
      );
    }
    return new RawPair(
      server,
      clients,
      caFile,
      serverName,
      port,
      undo.move(),
    );
  }

  /** Makes this number of connections, and returns the time until the clients had them, in seconds. */
  async connect(count: number): Promise<number> {
    const parts = shares(count, this.clients.length);
    const seconds = await Promise.all(
      this.clients.map(async (client, i) =>
        Number(await client.ask("connect", parts[i]))
      ),
    );
    await until(
      "the raw server has all connections",
      async () => await this.server.ask("connections") === count,
    );
    return Math.max(...seconds);
  }

  /** Ends all connections. */
  async leave(): Promise<void> {
    await Promise.all(this.clients.map((client) => client.ask("leave")));
    await this.server.ask("hangUp");
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.undo.disposeAsync();
  }
}

async function serverNameIn(dir: string): Promise<string> {
  return serverNameOf(await Deno.readTextFile(join(dir, "server.pem")));
}
