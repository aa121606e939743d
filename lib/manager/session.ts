import {
  Bye_Code,
  type ClientHello,
  type CommandCancel,
  createCommandAck,
  type DataRequest,
} from "../../proto/gen/piri/agent/v1/agent_messages.ts";
import { Connection, type End } from "../wire/connection.ts";
import type { Dialect } from "../wire/dialect.ts";
import type { Feature } from "../wire/features.ts";
import { Later } from "../wire/later.ts";
import type { Body } from "../wire/message.ts";
import { ignore, type Table } from "../wire/table.ts";
import type { Transport } from "../wire/transport.ts";
import type { Admission, Admitted } from "./admission/admission.ts";
import type { Commands } from "./commands.ts";
import type { DataRequests } from "./data_requests.ts";
import type { AgentSession } from "./fleet.ts";
import type { Clock } from "../base/clock.ts";
import type { Counters } from "../base/counters.ts";
import { LIVENESS } from "../wire/liveness.ts";

/** A Manager that cannot record asks its agents to come back after so long, milliseconds. */
const BUSY_RETRY_MS = 5_000;

/** Everything an Agent may say to the Manager, and when. */
export const managerTable: Table<ManagerSession> = {
  greeting: {
    clientHello: { run: admit, next: "ready", after: begin },
    ping: { run: pong },
    pong: ignore,
    bye: { run: farewell, next: "closed" },
  },
  ready: {
    ping: { run: pong },
    pong: { run: ponged },
    progress: { run: recordProgress },
    commandOutput: { run: recordOutput },
    result: { run: recordResult },
    dataRequest: { run: answer },
    bye: { run: farewell, next: "closed" },
  },
  leaving: {
    clientHello: ignore,
    serverHello: ignore,
    ping: ignore,
    pong: ignore,
    command: ignore,
    cancel: ignore,
    progress: { run: recordProgress },
    commandOutput: { run: recordOutput },
    result: { run: recordResult },
    commandAck: ignore,
    dataRequest: ignore,
    dataResponse: ignore,
    bye: { run: farewell, next: "closed" },
  },
};

function admit(session: ManagerSession, hello: ClientHello): Promise<void> {
  return session.admit(hello);
}

function begin(session: ManagerSession): void {
  session.begin();
}

function pong(
  { connection }: ManagerSession,
  { data }: { data: number },
): void {
  connection.pong(data);
}

function ponged(session: ManagerSession): void {
  session.ponged();
}

function recordProgress(
  session: ManagerSession,
  progress: Parameters<Commands["recordProgress"]>[1],
): void | Promise<void> {
  return session.commands.recordProgress(session, progress);
}

function recordOutput(
  session: ManagerSession,
  output: Parameters<Commands["recordOutput"]>[1],
): void | Promise<void> {
  return session.commands.recordOutput(session, output);
}

function recordResult(
  session: ManagerSession,
  result: Parameters<Commands["recordResult"]>[1],
): void | Promise<void> {
  return session.commands.recordResult(session, result);
}

function answer(
  { data, connection, admitted }: ManagerSession,
  request: DataRequest,
): void {
  data.answer(admitted, request, connection);
}

function farewell(): void {}

/** What sessions are made of. */
export interface ManagerSessionOptions {
  readonly admission: Admission;
  readonly commands: Commands;
  readonly data: DataRequests;
  readonly clock: Clock;
  readonly counters: Counters;
  /** When what may wait is sent at the latest; shared by all sessions. */
  readonly later?: Later;
  /** How often agents are pinged, milliseconds. */
  readonly pingIntervalMs: number;
}

/** One agent's connection. Before its hello it is nobody's; afterwards it is an AgentSession. */
export class ManagerSession implements AgentSession {
  readonly commands: Commands;
  readonly data: DataRequests;
  readonly connection: Connection<ManagerSession>;
  readonly since: number;
  readonly #admission: Admission;
  readonly #pingIntervalMs: number;
  #admitted: Admitted | undefined;
  /** Commands wait for the agent's first Pong. */
  #awaitsPong = false;

  constructor(transport: Transport, options: ManagerSessionOptions) {
    this.commands = options.commands;
    this.data = options.data;
    this.#admission = options.admission;
    this.#pingIntervalMs = options.pingIntervalMs;
    this.since = options.clock.now();
    this.connection = new Connection<ManagerSession>(transport, {
      clock: options.clock,
      counters: options.counters,
      later: options.later ?? new Later(options.clock),
      table: managerTable,
      context: this,
    });
  }

  /** Serves the connection to its end. */
  async run(): Promise<End> {
    const end = await this.connection.run();
    if (this.#admitted !== undefined) await this.#admission.left(this, end);
    return end;
  }

  get isAdmitted(): boolean {
    return this.#admitted !== undefined;
  }

  get admitted(): Admitted {
    if (this.#admitted === undefined) {
      throw new TypeError("ManagerSession was used before its hello");
    }
    return this.#admitted;
  }

  get agent(): string {
    return this.admitted.record.id;
  }

  get groups(): readonly string[] {
    return this.admitted.record.groups;
  }

  get dialect(): Dialect {
    return this.admitted.dialect;
  }

  get instance(): string {
    return this.admitted.instance;
  }

  get session(): bigint {
    return this.admitted.session;
  }

  get features(): ReadonlySet<Feature> {
    return this.admitted.features;
  }

  get operations(): ReadonlySet<string> | undefined {
    return this.admitted.operations;
  }

  get unknownIds(): ReadonlySet<bigint> {
    return this.admitted.unknownIds;
  }

  get unfinished(): ReadonlySet<bigint> {
    return this.admitted.unfinished;
  }

  get address(): string {
    return this.connection.peer;
  }

  get takesCommands(): boolean {
    return this.connection.state === "ready" && !this.#awaitsPong;
  }

  /** Lets the agent in, or throws: the row of ClientHello. */
  async admit(hello: ClientHello): Promise<void> {
    await this.#admission.admit(hello, this, (admitted) => {
      this.#admitted = admitted;
    });
    this.connection.dialect = this.dialect;
    this.#awaitsPong = this.dialect.waitsForPong;
  }

  /** The connection is ready. */
  begin(): void {
    const { ended, record } = this.admitted;
    this.connection.watch({
      intervalMs: this.#pingIntervalMs,
      timeoutMs: LIVENESS.timeoutMs,
    });
    if (this.features.has("ack")) {
      for (const commandId of ended) {
        this.reply({
          case: "commandAck",
          value: createCommandAck({ commandId, final: true }),
        });
        this.commands.links.noteAcknowledged(commandId);
      }
    }
    if (this.#awaitsPong) this.connection.ping();
    else this.commands.links.ready(this);
    this.#admission.ready(record.id);
  }

  ponged(): void {
    if (!this.#awaitsPong) return;
    this.#awaitsPong = false;
    this.commands.links.ready(this);
  }

  send(body: Body): Promise<void> {
    return this.connection.send(body);
  }

  reply(body: Body): boolean {
    return this.connection.reply(body);
  }

  replyLater(body: Body): void {
    this.connection.replyLater(body);
  }

  cancel(cancel: CommandCancel): void {
    this.reply({ case: "cancel", value: cancel });
  }

  replaced(): void {
    this.connection.leave(
      Bye_Code.REPLACED,
      "another connection of this agent took the place of this one",
    );
  }

  removed(): void {
    this.connection.leave(Bye_Code.AUTH_FAILED, "auth failed");
  }

  busy(): void {
    this.connection.leave(
      Bye_Code.BUSY,
      "the Manager cannot record now",
      BUSY_RETRY_MS,
    );
  }

  /** The Manager stops. */
  shutdown(retryAfterMs: number): void {
    this.connection.leave(
      Bye_Code.SHUTDOWN,
      "the Manager stops",
      retryAfterMs,
    );
  }
}
