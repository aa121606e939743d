import { systemRandom } from "../../lib/base/random.ts";
import { newSecret } from "../../lib/base/secret.ts";
import { TlsTransport } from "../../lib/wire/tls.ts";
import type {
  ClientHello,
  CommandResult,
  DataRequest,
} from "../../proto/gen/piri/agent/v1/agent_messages.ts";
import type { MessageOf } from "../../lib/wire/message.ts";
import { type Init, ScriptedPeer } from "../support/scripted_peer.ts";
import { fromSource } from "../support/executables.ts";
import { LiveProgram } from "../support/live_program.ts";
import { TempFolder } from "../support/temp_folder.ts";
import { RecordTap } from "./record_tap.ts";
import { certified, SERVER_NAME } from "./tls_authority.ts";
import { NotedTransport } from "./tls_manager.ts";

/** Legacy Manager, played by a script behind real TLS, and our own Agent that dials it. */
export class OldManager implements AsyncDisposable {
  readonly folder: TempFolder;
  readonly tap: RecordTap;
  readonly #listener: Deno.TlsListener;
  readonly #undo: AsyncDisposableStack;

  /** Starts both. */
  static async start(): Promise<OldManager> {
    await using undo = new AsyncDisposableStack();
    const folder = undo.use(await TempFolder.make());
    // No operation may use the agent's own.
    const own = undo.use(await TempFolder.make());
    const { caPem, server } = await certified();
    const listener = Deno.listenTls({
      hostname: "127.0.0.1",
      port: 0,
      cert: server.certPem,
      key: server.keyPem,
    });
    undo.defer(() => listener.close());
    const tap = undo.use(new RecordTap(listener.addr.port, "client"));
    await own.write(
      "agent.yaml",
      JSON.stringify({
        name: "web-1",
        addresses: [`127.0.0.1:${tap.port}`],
        serverName: SERVER_NAME,
        caPem,
        secret: newSecret(systemRandom),
      }),
    );
    await Deno.chmod(own.at("agent.yaml"), 0o600).catch(() => {});
    const argv = [...fromSource.agent, "--dir", own.path, "run"];
    undo.use(new LiveProgram("agent", argv));
    return new OldManager({ folder, tap, listener, undo: undo.move() });
  }

  private constructor(
    { folder, tap, listener, undo }: {
      folder: TempFolder;
      tap: RecordTap;
      listener: Deno.TlsListener;
      undo: AsyncDisposableStack;
    },
  ) {
    this.folder = folder;
    this.tap = tap;
    this.#listener = listener;
    this.#undo = undo;
  }

  /** Next connection of the agent. */
  async accepted(): Promise<
    { agent: OldAgentLink; hello: ClientHello; wire: NotedTransport }
  > {
    const wire = new NotedTransport(
      new TlsTransport(await this.#listener.accept()),
    );
    const agent = new OldAgentLink(wire);
    agent.answerPings();
    this.#undo.defer(() => agent.hangUp());
    const hello = await agent.hears("clientHello");
    return { agent, hello, wire };
  }

  /** Next connection of the agent, after it was admitted. */
  async welcomed(): Promise<OldAgentLink> {
    const { agent } = await this.accepted();
    await agent.says("serverHello", { version: 1 });
    return agent;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#undo.disposeAsync();
  }
}

/** Connection of an agent, as a legacy Manager has it. */
export class OldAgentLink extends ScriptedPeer {
  /** Sends a command as such a Manager writes it. */
  async commands(
    type: string,
    data: unknown,
    init: Init<"command"> = {},
  ): Promise<bigint> {
    const commandId = init.commandId ?? 20_240_615_123_456_789n;
    await this.says("command", {
      commandId,
      type,
      data: typeof data === "string" ? data : JSON.stringify(data),
    });
    return commandId;
  }

  /** Waits for the next result; progress in between is ignored. */
  async result(): Promise<CommandResult> {
    return await this.#after("result", ["progress"]);
  }

  /** Waits for the next request. */
  async request(): Promise<DataRequest> {
    return await this.#after("dataRequest", ["progress"]);
  }

  /** Sends a command and waits for its result. */
  async runs(type: string, data: unknown): Promise<CommandResult> {
    await this.commands(type, data);
    return await this.result();
  }

  async #after<K extends "result" | "dataRequest">(
    kind: K,
    passed: readonly string[],
  ): Promise<MessageOf<K>> {
    let next = await this.next();
    while (next !== undefined && passed.includes(next.case)) {
      next = await this.next();
    }
    if (next?.case !== kind) {
      throw new Error(`"${next?.case ?? "the end"}" came, and no ${kind}`);
    }
    return next.value as MessageOf<K>;
  }
}
