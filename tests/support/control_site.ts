import { parseLoginLine } from "../../lib/base/login_line.ts";
import { systemClock } from "../../lib/base/clock.ts";
import type { Role } from "../../lib/base/role.ts";
import type { RunningManager } from "../../lib/serve_manager.ts";
import type { NewRule } from "../../lib/store/operator_records.ts";
import { KEYLESS_FEATURES } from "../../lib/wire/features.ts";
import { dialTls } from "../../lib/wire/tls.ts";
import { encodeHex } from "@std/encoding/hex";
import { startControlPort } from "./control_port.ts";
import { ScriptedPeer } from "./scripted_peer.ts";

/** Answer of the API to JSON. */
export interface Answer {
  readonly status: number;
  readonly code: string | undefined;
  readonly json: Record<string, unknown>;
}

/** Running Manager with a control port on loopback, and clients of it that know its authority alone. */
export class ControlSite implements AsyncDisposable {
  readonly manager: RunningManager;
  readonly port: number;
  readonly ca: string;
  readonly http: Deno.HttpClient;
  readonly #undo: AsyncDisposableStack;

  private constructor(
    manager: RunningManager,
    ca: string,
    undo: AsyncDisposableStack,
  ) {
    this.manager = manager;
    this.ca = ca;
    this.http = undo.adopt(
      Deno.createHttpClient({ caCerts: [ca] }),
      (http) => http.close(),
    );
    this.port = Number(manager.controlPort?.split(":").at(-1));
    this.#undo = undo;
  }

  static async start(): Promise<ControlSite> {
    await using undo = new AsyncDisposableStack();
    const { manager, folder } = undo.use(
      await startControlPort({ config: 'control: "127.0.0.1:0"\n' }),
    );
    const ca = await Deno.readTextFile(folder.at("manager", "ca.pem"));
    return new ControlSite(manager, ca, undo.move());
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#undo.disposeAsync();
  }

  /** Connects an agent that has the secret "secret of NAME". */
  async agent(name: string): Promise<ScriptedPeer> {
    const transport = await dialTls({
      hostname: "127.0.0.1",
      port: Number(this.manager.listen.split(":").at(-1)),
      serverName: "localhost",
      caPem: this.ca,
      clock: systemClock,
    });
    this.#undo.defer(() => transport.close());
    const peer = new ScriptedPeer(transport);
    peer.answerPings();
    await peer.says("clientHello", {
      clientId: name,
      auth: `secret of ${name}`,
      protocol: 2,
      features: [...KEYLESS_FEATURES],
      instance: encodeHex(crypto.getRandomValues(new Uint8Array(16))),
      session: 1n,
    });
    await peer.hears("serverHello");
    return peer;
  }

  fetch(
    call: string,
    body: BodyInit,
    headers: HeadersInit,
  ): Promise<Response> {
    return fetch(
      `https://localhost:${this.port}/piri.control.v1.${call}`,
      { method: "POST", client: this.http, body, headers },
    );
  }

  async post(
    call: string,
    request: unknown,
    token?: string,
  ): Promise<Answer> {
    const response = await this.fetch(call, JSON.stringify(request), {
      "content-type": "application/json",
      ...token === undefined ? {} : { authorization: `Bearer ${token}` },
    });
    const json = await response.json();
    return { status: response.status, code: json.code, json };
  }

  /** Token of a new operator, who has logged in over the port. */
  async login(
    name: string,
    role: Role,
    rules: readonly Partial<NewRule>[] = [],
    see = "",
  ): Promise<string> {
    const line = await this.manager.manager.access.add({
      name,
      role,
      see,
      tokenLifeMs: 86_400_000,
      rules: rules.map((rule) => ({
        operator: name,
        deny: false,
        onTargets: "all",
        operations: ["*"],
        argv: [],
        most: 0,
        trustFacts: false,
        approve: 0,
        within: "",
        ...rule,
      })),
    });
    const { code } = parseLoginLine(line);
    const { json } = await this.post("LoginService/Login", { code });
    return String(json["token"]);
  }
}

/** Request of a streaming call. */
export function enveloped(request: unknown): Uint8Array<ArrayBuffer> {
  const text = new TextEncoder().encode(JSON.stringify(request));
  const frame = new Uint8Array(5 + text.length);
  new DataView(frame.buffer).setUint32(1, text.length);
  frame.set(text, 5);
  return frame;
}
