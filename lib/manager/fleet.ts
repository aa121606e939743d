import type { CommandCancel } from "../../proto/gen/piri/agent/v1/agent_messages.ts";
import type { Dialect } from "../wire/dialect.ts";
import type { Feature } from "../wire/features.ts";
import type { Body } from "../wire/message.ts";

/** An admitted connection of an agent, as the rest of the Manager uses it. */
export interface AgentSession {
  readonly agent: string;
  readonly dialect: Dialect;
  /** Empty for a legacy agent. */
  readonly instance: string;
  /** 0 for a legacy agent. */
  readonly session: bigint;
  readonly features: ReadonlySet<Feature>;
  readonly groups: readonly string[];
  /** What the agent can be told to do; undefined if it did not say. */
  readonly operations: ReadonlySet<string> | undefined;
  /** Address of the agent, as people read it. */
  readonly address: string;
  /** Since when it is admitted, milliseconds since 1970. */
  readonly since: number;
  /** Whether a Command may be written now. */
  readonly takesCommands: boolean;
  /** Ids that the agent listed with a nonce that is not known here. */
  readonly unknownIds: ReadonlySet<bigint>;
  /** Commands that the agent's hello listed as not finished, and that are not over here. */
  readonly unfinished: ReadonlySet<bigint>;
  send(body: Body): Promise<void>;
  reply(body: Body): boolean;
  /** As `reply`, for what nobody waits for: it is sent with the next message, or a little later. */
  replyLater(body: Body): void;
  cancel(cancel: CommandCancel): void;
  /** Another connection of the agent was admitted. */
  replaced(): void;
  /** The agent was taken away. */
  removed(): void;
  /** What the agent tells cannot be recorded now: it is asked to come back later. */
  busy(): void;
}

/** Who is connected. Clustering brings another one. */
export interface Fleet {
  /** The agent's current connection. */
  session(agent: string): AgentSession | undefined;
  /** All current connections. */
  sessions(): Iterable<AgentSession>;
  readonly size: number;
}

/** The agents that are connected to this Manager. */
export class LocalFleet implements Fleet {
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

  /** Makes a session its agent's current one and returns the one that was. */
  admit(session: AgentSession): AgentSession | undefined {
    const former = this.#sessions.get(session.agent);
    this.#sessions.set(session.agent, session);
    return former;
  }

  /** Takes a session out; false if it was not its agent's current one. */
  leave(session: AgentSession): boolean {
    if (this.#sessions.get(session.agent) !== session) return false;
    return this.#sessions.delete(session.agent);
  }
}
