import type { Address } from "../../lib/base/address.ts";
import { systemClock } from "../../lib/base/clock.ts";
import { hashSecret } from "../../lib/base/secret.ts";
import { ManagerCore } from "../../lib/manager/core.ts";
import { createDataService } from "../../lib/manager/data/data_service.ts";
import { Listener } from "../../lib/manager/door/listener.ts";
import type {
  CommandView,
  RunRequest,
} from "../../lib/manager/api/operator_api.ts";
import { openStore } from "../../lib/store/open.ts";
import type { Store } from "../../lib/store/store.ts";
import { TlsTransport } from "../../lib/wire/tls.ts";
import type { Transport } from "../../lib/wire/transport.ts";
import { countingRandom } from "../support/counting_random.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { ScriptedPeer } from "../support/scripted_peer.ts";
import { TempFolder } from "../support/temp_folder.ts";
import { RecordTap } from "./record_tap.ts";
import { certified, SERVER_NAME } from "./tls_authority.ts";

/** A whole Manager behind real TLS on loopback. Its clock stands still until a test advances it. */
export class TlsManager implements AsyncDisposable {
  #requests = 0;

  static async start(
    files: Readonly<Record<string, string | Uint8Array>> = {},
  ): Promise<TlsManager> {
    const folder = await TempFolder.make();
    for (const [name, content] of Object.entries(files)) {
      await folder.write(name, content);
    }
    const { caPem, server } = await certified();
    const clock = new FakeClock();
    const random = countingRandom();
    const store = await openStore(":memory:", { clock, random });
    const core = new ManagerCore({
      store,
      clock,
      random,
      identity: {
        addresses: [],
        serverName: SERVER_NAME,
        caCertificate: new Uint8Array(),
      },
      data: createDataService({
        data: folder.at("data"),
        files: folder.at("files"),
      }),
      pingIntervalMs: 15_000,
      keepBytes: 1_000_000n,
      unlimitedOperations: [],
      checkParams: () => {},
    });
    await core.load();
    const listener = new Listener({
      hostname: "127.0.0.1",
      port: 0,
      ...server,
      // The sockets are real, so their clock is, too.
      clock: systemClock,
      counters: core.counters,
      serve: (transport) => core.serve(transport),
    });
    return new TlsManager(folder, { clock, store, core, listener, caPem });
  }

  readonly clock: FakeClock;
  readonly core: ManagerCore;
  readonly #store: Store;
  readonly #listener: Listener;
  readonly #caPem: string;
  readonly #folder: TempFolder;
  readonly #undo = new AsyncDisposableStack();

  private constructor(
    folder: TempFolder,
    { clock, store, core, listener, caPem }: {
      clock: FakeClock;
      store: Store;
      core: ManagerCore;
      listener: Listener;
      caPem: string;
    },
  ) {
    this.#folder = folder;
    this.clock = clock;
    this.#store = store;
    this.core = core;
    this.#listener = listener;
    this.#caPem = caPem;
  }

  get port(): number {
    return this.#listener.port;
  }

  /** Adds an agent whose secret is "secret of NAME". */
  async knows(name: string, groups: readonly string[] = []): Promise<void> {
    const tokenHash = hashSecret(`token of ${name}`);
    await this.#store.addAgent({
      id: name,
      groups,
      cidrs: [],
      tokenHash,
      tokenExpiresAt: Number.MAX_SAFE_INTEGER,
      addedAt: this.clock.now(),
    });
    await this.#store.enrolAgent(name, {
      tokenHash,
      secretHash: hashSecret(`secret of ${name}`),
      at: this.clock.now(),
    });
  }

  /** Opens a connection on which the peer has not sent anything yet. */
  async dial(): Promise<Dialled> {
    const tap = this.#undo.use(new RecordTap(this.port));
    const tcp = await Deno.connect({ hostname: "127.0.0.1", port: tap.port });
    const conn = await Deno.startTls(tcp, {
      hostname: SERVER_NAME,
      caCerts: [this.#caPem],
    });
    await conn.handshake();
    const wire = new NotedTransport(new TlsTransport(conn));
    const peer = new ScriptedPeer(wire);
    this.#undo.defer(() => peer.hangUp());
    return { peer, wire, tap };
  }

  /** Connects a legacy agent that was admitted. */
  async greeted(name: string): Promise<Dialled> {
    const dialled = await this.dial();
    await dialled.peer.says("clientHello", {
      clientId: name,
      auth: `secret of ${name}`,
    });
    await dialled.peer.hears("serverHello");
    return dialled;
  }

  /** Connects a legacy agent that takes commands. */
  async connected(name: string): Promise<Dialled> {
    await this.knows(name);
    const dialled = await this.greeted(name);
    const { data } = await dialled.peer.hears("ping");
    await dialled.peer.says("pong", { data });
    return dialled;
  }

  /** Requests a command on one agent, as an operator would. */
  async run(
    agent: string,
    operation: string,
    params: unknown,
    request: Partial<RunRequest> = {},
  ): Promise<CommandView> {
    const { commands: [command] } = await this.core.commands.run({
      agents: [agent],
      operation,
      params: JSON.stringify(params),
      requestId: `request ${++this.#requests}`,
      onDisconnect: "continue",
      requestedBy: "test",
      ...request,
    });
    if (command === undefined) throw new Error("nothing was run");
    return command;
  }

  /** Waits for a command's end, and returns the command and its output. */
  async ended(id: bigint): Promise<{ command: CommandView; output: string }> {
    const decoder = new TextDecoder();
    let output = "";
    const from = [{ id, stdoutOffset: 0n, stderrOffset: 0n }];
    for await (
      const event of this.core.commands.watch(
        from,
        new AbortController().signal,
      )
    ) {
      if (event.kind === "output") output += decoder.decode(event.bytes);
    }
    return { command: await this.core.commands.get(id), output };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#listener.close();
    await this.#undo.disposeAsync();
    // Nothing is connected any more, so its farewells take no time.
    const down = this.core.shutdown();
    await this.clock.advance(10_000);
    await down;
    await this.#store[Symbol.asyncDispose]();
    await this.#folder[Symbol.asyncDispose]();
  }
}

/** Connection of a peer that has dialled. */
export interface Dialled {
  readonly peer: ScriptedPeer;
  readonly wire: NotedTransport;
  readonly tap: RecordTap;
}

/** A transport that keeps the received bytes. */
export class NotedTransport implements Transport {
  readonly peer: Address;
  readonly #transport: Transport;
  readonly #came: number[] = [];

  constructor(transport: Transport) {
    this.#transport = transport;
    this.peer = transport.peer;
  }

  /** Takes all bytes received since the last call. */
  took(): Uint8Array {
    return new Uint8Array(this.#came.splice(0));
  }

  async read(): Promise<Uint8Array<ArrayBuffer> | undefined> {
    // Every kind of end counts as an end.
    const bytes = await this.#transport.read().catch(() => undefined);
    for (const byte of bytes ?? []) this.#came.push(byte);
    return bytes;
  }

  write(bytes: Uint8Array): Promise<number> {
    return this.#transport.write(bytes);
  }

  close(): void {
    this.#transport.close();
  }
}
