import {
  Bye_Code,
  type CommandCancel,
  createPing,
} from "../../../proto/gen/piri/agent/v1/agent_messages.ts";
import { formatAddress } from "../../base/address.ts";
import type { Connection } from "../../wire/connection.ts";
import type { Dialect } from "../../wire/dialect.ts";
import type { Feature } from "../../wire/features.ts";
import type { Body } from "../../wire/message.ts";
import type { AgentSession } from "../fleet.ts";
import { Pings } from "./pings.ts";
import { busyRetryMs } from "./reconnect_window.ts";
import { removedBye } from "./removed.ts";

/** Connection of an agent, with any table. */
export type AgentConnection = Pick<
  Connection<unknown>,
  | "peer"
  | "since"
  | "state"
  | "send"
  | "reply"
  | "replyLater"
  | "ping"
  | "watch"
  | "leave"
>;

/** Facts about an agent that its hello settled. */
export interface AgentFacts extends
  Pick<
    AgentSession,
    | "agent"
    | "groups"
    | "dialect"
    | "instance"
    | "session"
    | "features"
    | "operations"
    | "unknownIds"
    | "unfinished"
  > {
  /** Ids of listed commands that have ended here. */
  readonly ended: readonly bigint[];
  /** True if the agent has used its token with this hello. */
  readonly joined: boolean;
  /** Widest window of its dials, as it was told, in milliseconds. */
  readonly reconnectWindowMs: number;
}

/** An admitted agent, on the connection of its hello. */
export class AdmittedAgent implements AgentSession, AgentFacts {
  readonly connection: AgentConnection;
  readonly agent: string;
  readonly dialect: Dialect;
  readonly instance: string;
  readonly session: bigint;
  readonly features: ReadonlySet<Feature>;
  readonly operations: ReadonlySet<string> | undefined;
  readonly unknownIds: ReadonlySet<bigint>;
  readonly unfinished: ReadonlySet<bigint>;
  readonly ended: readonly bigint[];
  readonly joined: boolean;
  readonly reconnectWindowMs: number;
  readonly #pings: Pings;
  #groups: readonly string[];
  #awaitsPong: boolean;

  constructor(connection: AgentConnection, facts: AgentFacts) {
    this.connection = connection;
    this.agent = facts.agent;
    this.#groups = facts.groups;
    this.dialect = facts.dialect;
    this.instance = facts.instance;
    this.session = facts.session;
    this.features = facts.features;
    this.operations = facts.operations;
    this.unknownIds = facts.unknownIds;
    this.unfinished = facts.unfinished;
    this.ended = facts.ended;
    this.joined = facts.joined;
    this.reconnectWindowMs = facts.reconnectWindowMs;
    this.#awaitsPong = facts.dialect.waitsForPong;
    this.#pings = new Pings({ exact: facts.dialect.hasIdentities });
  }

  get groups(): readonly string[] {
    return this.#groups;
  }

  regroup(groups: readonly string[]): void {
    this.#groups = groups;
  }

  get address(): string {
    return formatAddress(this.connection.peer);
  }

  get since(): number {
    return this.connection.since;
  }

  /** True until the first Pong, for an agent that takes no commands before. */
  get awaitsPong(): boolean {
    return this.#awaitsPong;
  }

  get takesCommands(): boolean {
    return this.connection.state === "ready" && !this.#awaitsPong;
  }

  /** Notes a Pong. */
  ponged(data: number): void {
    this.#awaitsPong = false;
    this.#pings.answered(data);
  }

  ping(answered: () => void): Disposable {
    const { data, ...waiting } = this.#pings.add(answered);
    // Not by `reply`, in which the next Ping would take the place of this one. What is written late is a round trip, too.
    this.connection.send({ case: "ping", value: createPing({ data }) })
      .catch(() => {}); // the connection has ended: there will be no answer
    return waiting;
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
    const { code, reason, retryAfterMs } = removedBye(this.dialect);
    this.connection.leave(code, reason, retryAfterMs);
  }

  renamed(): void {
    this.connection.leave(Bye_Code.SHUTDOWN, "the agent gets another name");
  }

  revoked(): void {
    this.connection.leave(Bye_Code.AUTH_FAILED, "auth failed");
  }

  busy(): void {
    this.connection.leave(
      Bye_Code.BUSY,
      "the Manager cannot record now",
      busyRetryMs(this.reconnectWindowMs),
    );
  }
}
