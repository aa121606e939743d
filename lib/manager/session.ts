import {
  type AuthProof,
  Bye_Code,
  type ClientHello,
  type CommandOutput,
  type CommandProgress,
  type CommandResult,
  createCommandAck,
  type DataRequest,
} from "../../proto/gen/piri/agent/v1/agent_messages.ts";
import type { Clock } from "../base/clock.ts";
import type { Counters } from "../base/counters.ts";
import { Connection, type End } from "../wire/connection.ts";
import { Later } from "../wire/later.ts";
import { LIVENESS } from "../wire/liveness.ts";
import { allIgnored, ignore, type Table } from "../wire/table.ts";
import type { Transport } from "../wire/transport.ts";
import type { Admission } from "./admission/admission.ts";
import type { AdmittedAgent } from "./admission/admitted_agent.ts";
import type { Challenge } from "./admission/challenge.ts";
import type { Commands } from "./commands.ts";
import type { DataRequests } from "./data_requests.ts";
import type { JobEffects } from "./jobs/job_effects.ts";

/** All messages that an Agent may send to the Manager, by the state of the connection. */
export const managerTable: Table<ManagerSession> = {
  greeting: {
    clientHello: {
      run: admit,
      next: "ready",
      detour: { next: "proving", isTaken: ({ isProving }) => isProving },
      after: begin,
    },
    ping: { run: pong },
    pong: ignore,
    bye: { run: farewell, next: "closed" },
  },
  proving: {
    authProof: { run: prove, next: "ready", after: begin },
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
    ...allIgnored,
    progress: { run: recordProgress },
    commandOutput: { run: recordOutput },
    result: { run: recordResult },
    bye: { run: farewell, next: "closed" },
  },
};

function admit(
  session: ManagerSession,
  hello: ClientHello,
  bytes: Uint8Array,
): Promise<void> {
  return session.admit(hello, bytes);
}

function prove(session: ManagerSession, proof: AuthProof): Promise<void> {
  return session.prove(proof);
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

function ponged(session: ManagerSession, { data }: { data: number }): void {
  session.ponged(data);
}

function recordProgress(
  { agent, commands }: ManagerSession,
  progress: CommandProgress,
): void | Promise<void> {
  return agent && commands.recordProgress(agent, progress);
}

function recordOutput(
  { agent, commands }: ManagerSession,
  output: CommandOutput,
): void | Promise<void> {
  return agent && commands.recordOutput(agent, output);
}

function recordResult(
  { agent, commands }: ManagerSession,
  result: CommandResult,
): void | Promise<void> {
  return agent && commands.recordResult(agent, result);
}

function answer({ agent, data }: ManagerSession, request: DataRequest): void {
  if (agent !== undefined) data.answer(agent, request);
}

function farewell(): void {}

export interface ManagerSessionOptions {
  readonly admission: Admission;
  readonly commands: Commands;
  readonly jobs: Pick<JobEffects, "agentChanged">;
  readonly data: DataRequests;
  readonly clock: Clock;
  readonly counters: Counters;
  /** Timer of deferred messages, shared by all sessions. */
  readonly later?: Later;
  /** Interval of pings to agents, in milliseconds. */
  readonly pingIntervalMs: number;
}

/** One connection, and its agent once the hello is accepted: no row of `ready` is reached before. */
export class ManagerSession {
  readonly commands: Commands;
  readonly data: DataRequests;
  readonly connection: Connection<ManagerSession>;
  readonly #admission: Admission;
  readonly #jobs: ManagerSessionOptions["jobs"];
  readonly #pingIntervalMs: number;
  readonly #authority: Uint8Array | undefined;
  #agent: AdmittedAgent | undefined;
  /** Challenge that the agent has to answer. */
  #challenge: Challenge | undefined;

  constructor(transport: Transport, options: ManagerSessionOptions) {
    this.#authority = transport.authority;
    this.commands = options.commands;
    this.data = options.data;
    this.#admission = options.admission;
    this.#jobs = options.jobs;
    this.#pingIntervalMs = options.pingIntervalMs;
    this.connection = new Connection<ManagerSession>(transport, {
      clock: options.clock,
      counters: options.counters,
      later: options.later ?? new Later(options.clock),
      table: managerTable,
      context: this,
    });
  }

  /** The admitted agent; undefined before. */
  get agent(): AdmittedAgent | undefined {
    return this.#agent;
  }

  /** Serves the connection to its end. */
  async run(): Promise<End> {
    const end = await this.connection.run();
    if (this.#agent !== undefined) {
      await this.#admission.left(this.#agent, end);
    }
    return end;
  }

  /** True while the agent has a challenge to answer. */
  get isProving(): boolean {
    return this.#challenge !== undefined;
  }

  /** Challenges the agent if its hello offers a proof; else admits it, or throws: the row of ClientHello. */
  admit(hello: ClientHello, bytes: Uint8Array): Promise<void> {
    this.#challenge = this.#admission.challenge(
      hello,
      bytes,
      this.#authority,
    );
    return this.#challenge === undefined
      ? this.#admit(hello)
      : this.connection.send(this.#challenge.body);
  }

  /** Admits the agent by its proof, or throws: the row of AuthProof. */
  async prove(proof: AuthProof): Promise<void> {
    const challenge = this.#challenge;
    if (challenge === undefined) throw new Error("there was no challenge");
    this.#challenge = undefined;
    await this.#admit(challenge.hello, challenge.isMetBy(proof));
  }

  async #admit(hello: ClientHello, isProven?: boolean): Promise<void> {
    const { agent, error } = await this.#admission.admit(
      hello,
      this.connection,
      isProven,
    );
    this.#agent = agent;
    if (error !== undefined) throw error;
    this.connection.dialect = agent.dialect;
  }

  /** Starts the pings and the delivery of commands, once the connection is ready. */
  begin(): void {
    const agent = this.#agent;
    if (agent === undefined) return;
    this.connection.watch({
      intervalMs: this.#pingIntervalMs,
      timeoutMs: LIVENESS.timeoutMs,
    });
    if (agent.features.has("ack")) {
      for (const commandId of agent.ended) {
        agent.reply({
          case: "commandAck",
          value: createCommandAck({ commandId, final: true }),
        });
        this.commands.effects.noteAcknowledged(commandId);
      }
    }
    if (agent.awaitsPong) this.connection.ping();
    else this.#takesCommands(agent);
  }

  /** Notes a Pong. The first one starts the delivery of commands, if the agent takes none before. */
  ponged(data: number): void {
    const agent = this.#agent;
    if (agent === undefined) return;
    const isFirst = agent.awaitsPong;
    agent.ponged(data);
    if (isFirst) this.#takesCommands(agent);
  }

  #takesCommands(agent: AdmittedAgent): void {
    this.commands.effects.agentReady(agent);
    void this.#jobs.agentChanged(agent);
  }

  /** Says Bye, because the Manager stops. */
  shutdown(retryAfterMs: number): void {
    this.connection.leave(
      Bye_Code.SHUTDOWN,
      "the Manager stops",
      retryAfterMs,
    );
  }
}
