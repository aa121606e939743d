import type { CommandCancel } from "../../proto/gen/piri/agent/v1/agent_messages.ts";
import type { Dialect } from "../wire/dialect.ts";
import type { Feature } from "../wire/features.ts";
import type { Body } from "../wire/message.ts";

/** An admitted connection of an agent, as the rest of the Manager uses it. */
export interface AgentSession {
  readonly agent: string;
  readonly dialect: Dialect;
  /** Instance of its journal; empty for a legacy agent. */
  readonly instance: string;
  /** Number of its session; 0 for a legacy agent. */
  readonly session: bigint;
  readonly features: ReadonlySet<Feature>;
  readonly groups: readonly string[];
  /** Names of the agent's operations; undefined if its hello did not list them. */
  readonly operations: ReadonlySet<string> | undefined;
  /** Address of the agent, as text for people. */
  readonly address: string;
  /** Time at which the connection was made, in milliseconds since 1970. */
  readonly since: number;
  /** True if a Command may be written now. */
  readonly takesCommands: boolean;
  /** Ids of commands that the agent listed with an unknown nonce. */
  readonly unknownIds: ReadonlySet<bigint>;
  /** Ids of commands that the agent's hello listed as unfinished, and that have not ended here. */
  readonly unfinished: ReadonlySet<bigint>;
  send(body: Body): Promise<void>;
  /** Sends a Ping and calls back at its Pong. Disposing forgets the callback. */
  ping(answered: () => void): Disposable;
  reply(body: Body): boolean;
  /** Sends a message that nobody waits for, with the next write or by the shared timer. */
  replyLater(body: Body): void;
  cancel(cancel: CommandCancel): void;
  /** Puts the agent into other groups, for what it asks from now on. */
  regroup(groups: readonly string[]): void;
  /** Says Bye, because another connection of the agent was admitted. */
  replaced(): void;
  /** Says Bye, because the agent was removed. */
  removed(): void;
  /** Says Bye, because the agent gets another name: it is asked to come back at once. */
  renamed(): void;
  /** Says Bye, because the agent was revoked. */
  revoked(): void;
  /** Says Bye, because the Manager cannot record now: the agent is asked to come back later. */
  busy(): void;
}

/** All connected agents. A cluster of Managers will bring another implementation. */
export interface Fleet {
  /** The agent's current connection. */
  session(agent: string): AgentSession | undefined;
  /** All current connections. */
  sessions(): Iterable<AgentSession>;
  readonly size: number;
  /** Number of agents that may connect, whether they are connected or not. */
  readonly known: number;
}

/** The agents that are connected to this Manager. */
export class LocalFleet implements Fleet {
  known = 0;
  readonly #sessions = new Map<string, AgentSession>();

  session(agent: string): AgentSession | undefined {
    return this.#sessions.get(agent);
  }

  sessions(): Iterable<AgentSession> {
    return this.#sessions.values();
  }

  get size(): number {
    return this.#sessions.size;
  }

  /** Makes a session the current one of its agent, and returns the former one. */
  admit(session: AgentSession): AgentSession | undefined {
    const former = this.#sessions.get(session.agent);
    this.#sessions.set(session.agent, session);
    return former;
  }

  /** Removes a session. Returns false if it was not the current one of its agent. */
  leave(session: AgentSession): boolean {
    if (this.#sessions.get(session.agent) !== session) return false;
    return this.#sessions.delete(session.agent);
  }
}
