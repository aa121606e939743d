import { createHash } from "node:crypto";
import {
  type AuthChallenge,
  Bye_Code,
  type Command,
  type CommandAck,
  CommandResult_Status,
  createClientHello,
  createCommandOutput,
  createCommandProgress,
  createCommandResult,
  OutputStream,
  type ServerHello,
} from "../proto/gen/piri/agent/v1/agent_messages.ts";
import { KeyProof } from "../lib/agent/link/key_proof.ts";
import { decodePem } from "../lib/base/pem.ts";
import { systemRandom } from "../lib/base/random.ts";
import {
  certifiedKeyHash,
  newSigningKey,
  SigningKey,
} from "../lib/base/signing_key.ts";
import { NONCE_BYTES } from "../lib/wire/proof.ts";
import { type Address, parseAddress } from "../lib/base/address.ts";
import type { Clock } from "../lib/base/clock.ts";
import type { Counters } from "../lib/base/counters.ts";
import { PiriError } from "../lib/base/errors.ts";
import { PROTOCOL, VERSION } from "../lib/base/version.ts";
import { Connection, type End, Refusal } from "../lib/wire/connection.ts";
import { Dialects } from "../lib/wire/dialect.ts";
import { FEATURES, KEYLESS_FEATURES } from "../lib/wire/features.ts";
import { LIVENESS } from "../lib/wire/liveness.ts";
import { ignore, type Table } from "../lib/wire/table.ts";
import { dialTls } from "../lib/wire/tls.ts";
import type { Identity } from "./identity.ts";
import { planOutput } from "./plan_output.ts";

/** Reactions of a simulated agent to the Manager's messages: those of an Agent, without journal and workers. */
const table: Table<SimulatedAgent> = {
  greeting: {
    serverHello: {
      run: (agent, hello) => agent.welcome(hello),
      next: "ready",
      after: (agent) => agent.begin(),
    },
    authChallenge: {
      run: (agent, challenge) => agent.prove(challenge),
      next: "proving",
    },
    ping: { run: ({ connection }, { data }) => connection?.pong(data) },
    pong: ignore,
    bye: { run: () => {}, next: "closed" },
  },
  proving: {
    serverHello: {
      run: (agent, hello) => agent.welcome(hello),
      next: "ready",
      after: (agent) => agent.begin(),
    },
    ping: { run: ({ connection }, { data }) => connection?.pong(data) },
    pong: ignore,
    bye: { run: () => {}, next: "closed" },
  },
  ready: {
    ping: { run: ({ connection }, { data }) => connection?.pong(data) },
    pong: ignore,
    command: { run: (agent, command) => agent.answer(command) },
    cancel: ignore,
    commandAck: { run: (agent, ack) => agent.acknowledged(ack) },
    bye: { run: () => {}, next: "closed" },
  },
  leaving: {
    ping: ignore,
    pong: ignore,
    command: ignore,
    cancel: ignore,
    commandAck: ignore,
    bye: { run: () => {}, next: "closed" },
  },
};

/** Times of an agent's connection since its dial began, in milliseconds. */
export interface ConnectTimes {
  /** Time until the TLS handshake was done. */
  readonly tls: number;
  /** Time until the Manager had recorded and admitted the agent. */
  readonly ready: number;
}

export interface SimulatedAgentOptions {
  readonly clock: Clock;
  readonly counters: Counters;
  /** Size of each command's output, in bytes. */
  readonly outputBytes: number;
  /** True if agents prove keys, rather than to send secrets. */
  readonly isProving: boolean;
  /** Called after each answer. */
  readonly answered: () => void;
  /** Called when the Manager has an answer on its disk, with the time since the answer in milliseconds. */
  readonly recorded: (ms: number) => void;
}

/** An agent that connects and answers, and does nothing else. */
export class SimulatedAgent {
  connection: Connection<SimulatedAgent> | undefined;
  readonly #identity: Identity;
  readonly #options: SimulatedAgentOptions;
  readonly #address: Address;
  readonly #output: Uint8Array<ArrayBuffer>;
  /** Time of the answer to each command that is not recorded yet. */
  readonly #answeredAt = new Map<bigint, number>();
  #joinToken: string | undefined;
  #session = 0n;
  #lastCommandId = 0n;
  #pingIntervalMs = LIVENESS.intervalMs;
  #ready = Promise.withResolvers<void>();
  #ended: Promise<End> | undefined;
  readonly #key: SigningKey | undefined;
  readonly #authority: Uint8Array;
  /** Key of the Manager, once it has admitted the agent by its own. */
  #pinned: Uint8Array | undefined;
  #proof: KeyProof | undefined;

  constructor(identity: Identity, options: SimulatedAgentOptions) {
    this.#identity = identity;
    this.#options = options;
    this.#address = parseAddress(identity.address);
    this.#joinToken = identity.joinToken;
    this.#key = options.isProving
      ? new SigningKey(newSigningKey(systemRandom))
      : undefined;
    this.#authority = options.isProving
      ? certifiedKeyHash(decodePem("CERTIFICATE", identity.caPem))
      : new Uint8Array();
    this.#output = new Uint8Array(options.outputBytes).fill(0x78);
    // Time replaces a counter in a journal: it only grows, too.
    this.#session = BigInt(Math.floor(options.clock.now()));
  }

  /** Settles when its connection has ended. Undefined before the first connection. */
  get ended(): Promise<End> | undefined {
    return this.#ended;
  }

  /**
   * Dials, says hello, and returns once the Manager has admitted the agent.
   *
   * @throws {PiriError} UNAVAILABLE, DENIED, TIMED_OUT; REFUSED with the Manager's reason, BUSY with the time to retry
   */
  async connect(): Promise<ConnectTimes> {
    const { clock, counters } = this.#options;
    const { serverName, caPem } = this.#identity;
    const { host: hostname, port } = this.#address;
    const began = clock.monotonic();
    const transport = await dialTls({
      hostname,
      port,
      serverName,
      caPem,
      clock,
    });
    const tls = clock.monotonic() - began;
    this.#ready = Promise.withResolvers();
    const connection = new Connection<SimulatedAgent>(transport, {
      clock,
      counters,
      table,
      context: this,
    });
    this.connection = connection;
    const hello = this.#hello();
    this.#proof?.said(hello);
    await connection.send({ case: "clientHello", value: hello });
    this.#ended = connection.run();
    await Promise.race([this.#ready.promise, this.#ended.then(refuse)]);
    this.#joinToken = undefined;
    return { tls, ready: clock.monotonic() - began };
  }

  /** Says Bye and waits until the Manager has hung up. */
  async leave(): Promise<void> {
    this.connection?.leave(Bye_Code.SHUTDOWN, "the simulated agent leaves");
    await this.#ended;
  }

  /** Answers the challenge of the Manager. */
  async prove(challenge: AuthChallenge): Promise<void> {
    if (this.#proof === undefined) throw new TypeError("no proof was offered");
    const value = this.#proof.answer(challenge);
    await this.connection?.send({ case: "authProof", value });
  }

  async welcome(hello: ServerHello): Promise<void> {
    await this.#proof?.welcomed(hello);
    this.#pingIntervalMs = hello.pingIntervalMs ?? LIVENESS.intervalMs;
    if (this.connection) this.connection.dialect = Dialects.current;
  }

  begin(): void {
    this.connection?.watch({ ...LIVENESS, intervalMs: this.#pingIntervalMs });
    this.#ready.resolve();
  }

  /** Reports start, output and a good end of a command, all at once. */
  async answer(command: Command): Promise<void> {
    const { connection } = this;
    if (connection === undefined) return;
    const { clock, answered } = this.#options;
    const { commandId } = command;
    this.#lastCommandId = commandId;
    connection.reply({
      case: "progress",
      value: createCommandProgress({ commandId, total: 1 }),
    });
    const output = this.#outputOf(command);
    if (output.length > 0) {
      await connection.send({
        case: "commandOutput",
        value: createCommandOutput({
          commandId,
          stream: OutputStream.STDOUT,
          bytes: output,
        }),
      });
    }
    const at = BigInt(Math.floor(clock.now()));
    connection.reply({
      case: "result",
      value: createCommandResult({
        commandId,
        status: CommandResult_Status.SUCCESS,
        startedAtMs: at,
        finishedAtMs: at,
        stdoutBytes: BigInt(output.length),
        stdoutSha256: hashOf(output),
      }),
    });
    this.#answeredAt.set(commandId, clock.monotonic());
    answered();
  }

  /**
   * Output of a command: for a plan the records of its steps; for a program one line, which only every thousandth agent
   * has for itself.
   */
  #outputOf({ type }: Command): Uint8Array<ArrayBuffer> {
    if (type === "state.Plan") return planOutput();
    if (type !== "command.Run") return this.#output;
    const { name } = this.#identity;
    const line = name.endsWith("000") ? name : "same everywhere";
    return new TextEncoder().encode(`${line}\n`);
  }

  acknowledged({ commandId, final }: CommandAck): void {
    const answeredAt = this.#answeredAt.get(commandId);
    if (!final || answeredAt === undefined) return;
    this.#answeredAt.delete(commandId);
    this.#options.recorded(this.#options.clock.monotonic() - answeredAt);
  }

  #beginProof(): KeyProof | undefined {
    const key = this.#key;
    return key && new KeyProof({
      key,
      authority: this.#authority,
      serverName: this.#identity.serverName,
      pinned: this.#pinned,
      pin: (managerKey) => {
        this.#pinned = managerKey;
        return Promise.resolve();
      },
      helloNonce: systemRandom.bytes(NONCE_BYTES),
    });
  }

  #hello() {
    const { name, secret, instance } = this.#identity;
    const proof = this.#beginProof();
    this.#proof = proof;
    return createClientHello({
      clientId: name,
      auth: this.#pinned === undefined ? secret : "",
      ...proof?.fields,
      protocol: PROTOCOL,
      features: [...proof === undefined ? KEYLESS_FEATURES : FEATURES],
      agentVersion: VERSION,
      joinToken: this.#joinToken ?? "",
      instance,
      session: ++this.#session,
      lastCommandId: this.#lastCommandId,
    });
  }
}

/** SHA-256 of an output; empty for none. */
function hashOf(output: Uint8Array): Uint8Array {
  return output.length === 0
    ? output
    : new Uint8Array(createHash("sha256").update(output).digest());
}

function refuse(end: End): never {
  if (end.kind !== "bye") {
    throw new PiriError("REFUSED", `Cannot connect: ${end.reason}`);
  }
  const { code, reason, retryAfterMs = 0 } = end.bye;
  const message = `Cannot connect: "${reason}"`;
  throw code === Bye_Code.BUSY
    ? new Refusal("BUSY", message, retryAfterMs)
    : new PiriError("REFUSED", message);
}
