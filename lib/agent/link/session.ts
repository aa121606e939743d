import {
  type AuthChallenge,
  type Bye,
  Bye_Code,
  type ClientHello,
  type Command,
  type CommandAck,
  type CommandCancel,
  CommandResult_Status,
  type DataResponse,
  type ServerHello,
} from "../../../proto/gen/piri/agent/v1/agent_messages.ts";
import { RECONNECT } from "../../base/backoff.ts";
import type { Clock } from "../../base/clock.ts";
import type { Counters } from "../../base/counters.ts";
import { PiriError } from "../../base/errors.ts";
import { Limits, NAME_PATTERN } from "../../base/limits.ts";
import { Connection, type End } from "../../wire/connection.ts";
import {
  byeCodeOf,
  type Dialect,
  dialectOfManager,
  Dialects,
} from "../../wire/dialect.ts";
import { type Feature, FEATURES, negotiate } from "../../wire/features.ts";
import { LIVENESS } from "../../wire/liveness.ts";
import { allIgnored, ignore, type Table } from "../../wire/table.ts";
import type { Transport } from "../../wire/transport.ts";
import type { Journal } from "../journal/journal.ts";
import type { Runner } from "../runner/runner.ts";
import { DataClient } from "./data_client.ts";
import { Delivery } from "./delivery.ts";
import type { KeyProof } from "./key_proof.ts";
import { LegacyRequests } from "./legacy_requests.ts";
import { Rejections } from "./rejections.ts";
import { bearWitness, type Witness } from "./witness_news.ts";

/** Version in the ServerHello of every Manager that this agent can work for. */
const SERVER_VERSION = 1;

/** Shortest ping interval that a Manager may ask for, in milliseconds. */
const MIN_PING_INTERVAL_MS = 1_000;

/** Longest ping interval that a Manager may ask for, in milliseconds. */
const MAX_PING_INTERVAL_MS = 15_000;

/** Narrowest window of dials that a Manager may ask for, in milliseconds. */
const MIN_WINDOW_MS = 1_000;

/** All messages that the Manager may send to an Agent, by the state of the connection. */
export const agentTable: Table<AgentSession> = {
  greeting: {
    authChallenge: { run: prove, next: "proving" },
    serverHello: { run: welcome, next: "ready", after: begin },
    ping: { run: pong },
    pong: ignore,
    bye: { run: farewell, next: "closed" },
  },
  proving: {
    serverHello: { run: welcome, next: "ready", after: begin },
    ping: { run: pong },
    pong: ignore,
    bye: { run: farewell, next: "closed" },
  },
  ready: {
    ping: { run: pong },
    pong: ignore,
    command: { run: accept },
    cancel: { run: cancel },
    commandAck: { run: acknowledge },
    dataResponse: { run: settle },
    bye: { run: farewell, next: "closed" },
  },
  leaving: {
    ...allIgnored,
    cancel: { run: cancel },
    commandAck: { run: acknowledge },
    bye: { run: farewell, next: "closed" },
  },
};

function prove(session: AgentSession, challenge: AuthChallenge): Promise<void> {
  return session.prove(challenge);
}

function welcome(
  session: AgentSession,
  hello: ServerHello,
): Promise<void> | undefined {
  return session.welcome(hello);
}

function begin(session: AgentSession): void {
  session.begin();
}

function pong({ connection }: AgentSession, { data }: { data: number }): void {
  connection.pong(data);
}

function accept(session: AgentSession, command: Command): Promise<void> {
  return session.accept(command);
}

function cancel(session: AgentSession, request: CommandCancel): void {
  session.cancel(request);
}

function acknowledge(session: AgentSession, ack: CommandAck): Promise<void> {
  return session.acknowledge(ack);
}

function settle({ data }: AgentSession, response: DataResponse): void {
  data.settle(response);
}

function farewell(_session: AgentSession, _bye: Bye): void {}

export interface AgentSessionOptions {
  readonly journal: Journal;
  readonly runner: Runner;
  readonly clock: Clock;
  readonly counters: Counters;
  readonly rejections?: Rejections;
  /** Proof of this agent's key on this connection; none if it has no key. */
  readonly proof?: KeyProof | undefined;
  /** Keeps checkpoints of the Manager's audit; they are ignored if absent. */
  readonly witness?: Witness | undefined;
  /** Called once the connection is ready. */
  readonly ready: (session: AgentSession) => void;
  /** Looks whether this process has stood still, and drops the connection if it has. */
  readonly look?: () => void;
  /** Called with the id of a command that the Manager has acknowledged for good. */
  readonly forgot?: (commandId: bigint) => void;
}

/** One connection to the Manager, from the hello to the end. */
export class AgentSession {
  readonly connection: Connection<AgentSession>;
  readonly data: DataClient;
  readonly #options: AgentSessionOptions;
  #hello: ServerHello | undefined;
  #dialect: Dialect = Dialects.legacy;
  #features: ReadonlySet<Feature> = new Set();
  #delivery: Delivery | undefined;
  #legacyRequests: LegacyRequests | undefined;

  constructor(transport: Transport, options: AgentSessionOptions) {
    this.#options = options;
    this.connection = new Connection<AgentSession>(transport, {
      clock: options.clock,
      counters: options.counters,
      table: agentTable,
      context: this,
    });
    this.data = new DataClient(
      this.connection,
      options.clock,
      options.counters,
    );
  }

  /** Id of the Manager's database; empty for a legacy Manager, and before its hello. */
  get managerId(): string {
    return this.#hello?.managerId ?? "";
  }

  /** Name that the Manager gives this agent; empty if it may go on with its own. */
  get givenName(): string {
    return this.#hello?.name ?? "";
  }

  get dialect(): Dialect {
    return this.#dialect;
  }

  /** Widest window of dials, as the Manager's hello asks for it, in milliseconds. */
  get reconnectWindowMs(): number {
    const asked = this.#hello?.reconnectWindowMs ?? RECONNECT.most;
    return Math.min(Math.max(asked, MIN_WINDOW_MS), RECONNECT.most);
  }

  get features(): ReadonlySet<Feature> {
    return this.#features;
  }

  /** Says hello and serves the connection to its end. */
  async run(hello: ClientHello): Promise<End> {
    const { runner } = this.#options;
    // Not only at the end: a row that waits for a slow disk must not lengthen the time that commands have without a link.
    void this.connection.closed.then(() => runner.linkDown());
    try {
      this.#options.proof?.said(hello);
      await this.connection.send({ case: "clientHello", value: hello });
      const end = await this.connection.run();
      if (isProtocolError(end)) this.#delivery?.rejected();
      return end;
    } finally {
      this.#delivery?.close();
      this.data.close();
      runner.linkDown();
    }
  }

  /**
   * Verifies the Manager's proof and answers with this agent's: the row of AuthChallenge.
   *
   * @throws {PiriError} PROTOCOL_VIOLATION
   */
  async prove(challenge: AuthChallenge): Promise<void> {
    const { proof } = this.#options;
    if (proof === undefined) {
      throw new PiriError(
        "PROTOCOL_VIOLATION",
        "Cannot accept the challenge: this agent offered no proof",
      );
    }
    const value = proof.answer(challenge);
    await this.connection.send({ case: "authProof", value });
  }

  /**
   * Notes the dialect and the features of the Manager: the row of ServerHello.
   *
   * @throws {PiriError} PROTOCOL_VIOLATION for another version than this agent knows, and for a name that is none
   */
  welcome(hello: ServerHello): Promise<void> | undefined {
    if (hello.version !== SERVER_VERSION) {
      throw new PiriError(
        "PROTOCOL_VIOLATION",
        `Cannot work for this Manager: its ServerHello has version ${hello.version}, and this agent knows only ${SERVER_VERSION}`,
      );
    }
    if (hello.name !== "" && !NAME_PATTERN.test(hello.name)) {
      throw new PiriError(
        "PROTOCOL_VIOLATION",
        `Cannot take the name ${
          JSON.stringify(hello.name.slice(0, Limits.name))
        }: it is not a name`,
      );
    }
    this.#hello = hello;
    this.#dialect = dialectOfManager(hello.managerId);
    const { proof } = this.#options;
    const pinned = proof?.welcomed(hello);
    this.#features = negotiate(
      hello.features,
      proof?.isDone ? FEATURES : this.#dialect.features,
    );
    this.connection.dialect = this.#dialect;
    return pinned;
  }

  /** Requests data from the Manager, in the words of its dialect. Throws as `DataClient.request`. */
  request(type: string, params: string): Promise<string | Uint8Array> {
    if (!this.#dialect.hasNamedRequests) {
      return this.data.request(type, params);
    }
    this.#legacyRequests ??= new LegacyRequests(this.data);
    return this.#legacyRequests.request(type, params);
  }

  /** Starts the pings and the delivery, once the connection is ready. */
  begin(): void {
    const { runner, journal, ready, witness, proof } = this.#options;
    const asked = this.#hello?.pingIntervalMs ?? LIVENESS.intervalMs;
    this.connection.watch({
      intervalMs: Math.min(
        Math.max(asked, MIN_PING_INTERVAL_MS),
        MAX_PING_INTERVAL_MS,
      ),
      timeoutMs: LIVENESS.timeoutMs,
    });
    runner.linkUp(this.#features.has("ack"));
    this.#delivery = new Delivery({
      journal,
      runner,
      peer: this.connection,
      managerId: this.managerId,
      features: this.#features,
      resume: this.#hello?.resume ?? [],
      rejections: this.#options.rejections ?? new Rejections(),
      sendsLastProgress: this.#dialect.expectsLastProgress,
    });
    ready(this);
    runner.release(this, this.#hello?.cancelled ?? []);
    const checkpoint = this.#hello?.checkpoint;
    if (checkpoint !== undefined && witness !== undefined) {
      void bearWitness(checkpoint, { session: this, witness, proof });
    }
  }

  /** True if a command may begin: the connection is up, and this process has not stood still since it was made. */
  mayBegin(): boolean {
    this.#options.look?.();
    return this.connection.state === "ready";
  }

  /** True if the cancel of a command has arrived. It is read only after what came before it was handled. */
  hasCancelOf(id: bigint): boolean {
    return this.connection.hasAhead(
      "cancel",
      (body) => body.case === "cancel" && body.value.commandId === id,
    );
  }

  /** Closes the connection with all that was not read. */
  drop(reason: string): void {
    this.connection.close(reason);
  }

  /** Accepts a command, or answers it with its result at once. */
  async accept(command: Command): Promise<void> {
    this.#options.look?.();
    // Dropped: the Manager may have seen the end of this connection long ago, and the operator the end of the command.
    if (this.connection.state === "closed") return;
    const outcome = await this.#options.runner.accept(command, this);
    if (outcome === undefined) {
      this.#options.counters.add("commands_repeated");
    } else if ("status" in outcome) {
      if (!this.#dialect.hasRefused) {
        outcome.status = CommandResult_Status.FAILED;
      }
      this.connection.reply({ case: "result", value: outcome });
    } else {
      // The delivery sends the newest progress: 0 of 1 if no other is known.
      this.#delivery?.accepted(outcome);
    }
  }

  /** Cancels a command. Sends the result of a finished one again. */
  cancel(request: CommandCancel): void {
    if (this.#options.runner.cancel(request, this.managerId)) return;
    const entry = this.#options.journal.find(
      this.managerId,
      request.commandId,
    );
    if (entry === undefined) this.#options.counters.add("cancels_unknown");
    else this.#delivery?.again(entry);
  }

  /** Frees acknowledged output, or the whole command if the acknowledgement is final. */
  async acknowledge(ack: CommandAck): Promise<void> {
    const { journal, runner } = this.#options;
    const entry = journal.find(this.managerId, ack.commandId);
    if (entry === undefined) return;
    if (ack.final && entry.state === "finished") {
      this.#delivery?.forgotten(entry);
      await journal.forget(entry);
      this.#options.forgot?.(entry.id);
    } else {
      await entry.acknowledge({ stdout: ack.stdout, stderr: ack.stderr });
      runner.acknowledged(entry);
    }
  }

  /** Says Bye. */
  leave(reason: string, code = Bye_Code.SHUTDOWN): void {
    this.connection.leave(code, reason);
  }
}

function isProtocolError(end: End): boolean {
  return end.kind === "bye" && byeCodeOf(end.bye) === Bye_Code.PROTOCOL_ERROR;
}
