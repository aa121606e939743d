import { createInbox, type Msg, type NatsConnection } from "@nats-io/nats-core";
import { join } from "@std/path";
import { systemClock, within } from "../lib/base/clock.ts";
import { PiriError } from "../lib/base/errors.ts";
import { serverNameOf } from "../lib/manager/state/authority.ts";
import { Daemon } from "../scripts/local/daemon.ts";
import { freePort } from "../scripts/local/free_port.ts";
import { TempFolder } from "../scripts/local/temp_folder.ts";
import { until } from "../scripts/local/until.ts";
import { Child } from "./child.ts";
import { connectNats } from "./nats_connection.ts";
import { pathOf } from "./peer.ts";

/** Longest wait for an answer, in milliseconds. */
const ANSWER_MS = 60_000;

/** Byte that fills the answers. */
export const ANSWER_BYTE = 2;

export interface NatsBusOptions {
  readonly clients: number;
  /** Size of a request, in bytes. */
  readonly sent: number;
  /** Size of an answer, in bytes. */
  readonly returned: number;
}

/** A NATS server over TLS, many clients in one process that answer requests, and one here that makes them. */
export class NatsBus implements AsyncDisposable {
  readonly #requester: NatsConnection;
  readonly #options: NatsBusOptions;
  readonly #undo: AsyncDisposableStack;

  private constructor(
    requester: NatsConnection,
    options: NatsBusOptions,
    undo: AsyncDisposableStack,
  ) {
    this.#requester = requester;
    this.#options = options;
    this.#undo = undo;
  }

  /** Starts server and clients, with the certificate of a Manager's folder. */
  static async start(
    dir: string,
    options: NatsBusOptions,
  ): Promise<NatsBus> {
    await using undo = new AsyncDisposableStack();
    const folder = undo.use(await TempFolder.make("piri-bench-"));
    const port = freePort();
    const config = folder.at("nats.conf");
    const certificate = join(dir, "server.pem");
    await Deno.writeTextFile(
      config,
      `listen: "127.0.0.1:${port}"
tls {
  cert_file: ${JSON.stringify(certificate)}
  key_file: ${JSON.stringify(join(dir, "server.key"))}
  timeout: 60
}
`,
    );
    const program = await pathOf("nats-server") ?? "nats-server";
    const argv = [program, "-c", config];
    const server = undo.use(new Daemon("nats-server", { argv }));
    await until("nats-server is ready", () => {
      return server.log.includes("Server is ready");
    });
    const caFile = join(dir, "ca.pem");
    const serverName = serverNameOf(await Deno.readTextFile(certificate));
    const { clients, sent, returned } = options;
    const numbers = [port, clients, sent, returned].map(String);
    const args = [caFile, serverName, ...numbers];
    const load = undo.use(await Child.start("./nats_load.ts", { args }));
    await load.ask("connect");
    const caPem = await Deno.readTextFile(caFile);
    const requester = await connectNats({ port, serverName, caPem });
    undo.defer(() => requester.close());
    return new NatsBus(requester, options, undo.move());
  }

  /**
   * Sends each client a request, and the next one once all have answered. Returns the time of all rounds, in seconds.
   *
   * @throws {PiriError} TIMED_OUT if an answer is missing, INTERNAL if it is wrong
   */
  async request(each: number): Promise<number> {
    const { clients, sent, returned } = this.#options;
    const requester = this.#requester;
    const payload = new Uint8Array(sent).fill(1);
    const inbox = createInbox();
    let take: (error: Error | null, answer: Msg) => void = () => {};
    requester.subscribe(`${inbox}.*`, {
      callback: (error, answer) => take(error, answer),
    });
    await requester.flush();
    const ended = requester.closed().then((error) => {
      throw error ?? new PiriError("UNAVAILABLE", "Cannot measure: NATS left");
    });
    ended.catch(() => {});
    const began = systemClock.monotonic();
    for (let round = 0; round < each; round++) {
      const missing = new Set<string>();
      const done = Promise.withResolvers<void>();
      take = (error, { subject, data }) => {
        const isRight = error === null && data.length === returned &&
          data.every((byte) => byte === ANSWER_BYTE);
        if (!isRight || !missing.delete(subject)) {
          done.reject(
            new PiriError("INTERNAL", `Cannot measure: ${subject} is wrong`),
          );
        }
        if (missing.size === 0) done.resolve();
      };
      for (let number = 0; number < clients; number++) {
        const reply = `${inbox}.${round}-${number}`;
        missing.add(reply);
        requester.publish(`agent.${number}`, payload, { reply });
      }
      const answered = Promise.race([done.promise, ended]);
      const late = "Cannot measure: not all clients of NATS have answered";
      await within(systemClock, ANSWER_MS, answered, late);
    }
    return (systemClock.monotonic() - began) / 1_000;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#undo.disposeAsync();
  }
}
