import { join } from "@std/path";
import { serverNameOf } from "../../lib/manager/authority.ts";
import { until } from "../local/until.ts";
import { Child } from "./child.ts";

/** Without it each raw handshake would copy some 140 roots; ours trusts one authority only, and so does it. */
const TRUST_NO_ROOTS = {
  DENO_TLS_CA_STORE: "system",
  SSL_CERT_FILE: Deno.build.os === "windows" ? "NUL" : "/dev/null",
  SSL_CERT_DIR: "/nonexistent",
};

/** Raw TLS between two processes, with the certificate of a Manager's folder. */
export class RawPair implements AsyncDisposable {
  private constructor(
    readonly server: Child,
    readonly client: Child,
    /** What a client needs to connect. */
    readonly caFile: string,
    readonly serverName: string,
    readonly port: number,
    readonly undo: AsyncDisposableStack,
  ) {}

  /** `sent` and `returned` are the sizes of a message and of its answer, in bytes. */
  static async start(
    dir: string,
    { sent, returned }: { sent: number; returned: number },
  ): Promise<RawPair> {
    await using undo = new AsyncDisposableStack();
    const sizes = [String(sent), String(returned)];
    const server = undo.use(
      await Child.start("./raw_server.ts", { args: [dir, ...sizes] }),
    );
    const port = Number(await server.ask("port"));
    const caFile = join(dir, "ca.pem");
    const serverName = await serverNameIn(dir);
    const client = undo.use(
      await Child.start("./raw_client.ts", {
        args: [caFile, serverName, String(port), ...sizes],
        env: TRUST_NO_ROOTS,
      }),
    );
    return new RawPair(server, client, caFile, serverName, port, undo.move());
  }

  /** Makes so many connections on both sides, and returns how many a second. */
  async connect(count: number): Promise<number> {
    const rate = Number(await this.client.ask("connect", count));
    await until(
      "the raw server has all connections",
      async () => await this.server.ask("connections") === count,
    );
    return rate;
  }

  /** Ends all connections. */
  async leave(): Promise<void> {
    await this.client.ask("leave");
    await this.server.ask("hangUp");
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.undo.disposeAsync();
  }
}

async function serverNameIn(dir: string): Promise<string> {
  return serverNameOf(await Deno.readTextFile(join(dir, "server.pem")));
}
