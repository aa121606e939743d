/**
 * Everything that exists in the model: one Manager, one agent, maybe a copy of the agent's host, and the connections
 * between them. A state is plain data and never changes; each step makes a new one.
 *
 * The model has the rules of lib/manager and lib/agent as they are, and names the file that each comes from. Left out
 * are output, timeouts, cancels of what was sent, features, legacy peers, and disks that are full. A program ends by
 * itself. To compare, record and answer a hello is one step; tests/simulation tries what comes in between. The
 * acknowledgement that follows ServerHello for what has ended is left out too: the agent sends such a result again, and
 * that is acknowledged.
 *
 * @module
 */

/** How far a command is on an agent's disk. `lost` and `refused` are results that the agent's successor writes. */
export type Stage = "accepted" | "running" | "finished" | "lost" | "refused";

/** A command in an agent's journal. */
export interface Entry {
  readonly id: number;
  /** Number of the operator's request, from 0. It tells apart two commands of the same id. */
  readonly nonce: number;
  readonly stage: Stage;
}

/** An agent process and its journal. */
export interface Agent {
  readonly isUp: boolean;
  /** Number of its connection, 0 without one. */
  readonly link: number;
  /** Whether it has read the ServerHello of its connection. */
  readonly isReady: boolean;
  /** Commands that are on their way to the disk, each with the connection that it was read from. */
  readonly accepting: readonly Accepting[];
  readonly journal: readonly Entry[];
  /** Highest id that was ever accepted. */
  readonly lastId: number;
  /** Number of its last dial. */
  readonly session: number;
  readonly instance: number;
  /** Whether a Bye(STALE) has told it that its journal has a copy. */
  readonly wasStale: boolean;
}

/** Names of the agent and its copy in traces. */
export const AGENT_NAMES = ["A", "copy"] as const;

/** A command that was read and is not journaled yet. */
export interface Accepting {
  readonly id: number;
  readonly nonce: number;
  readonly link: number;
}

/**
 * Where a command is by the Manager's database. "never arrived" and "may have run" are presumed ends; "lost", "refused"
 * and "too far" are an agent's word, the last one for an id that is too far above its last.
 */
export type CommandState =
  | "queued"
  | "sent"
  | "running"
  | "succeeded"
  | "cancelled"
  | "never arrived"
  | "may have run"
  | "lost"
  | "refused"
  | "too far";

/** A row of the Manager's database. */
export interface Command {
  readonly id: number;
  readonly nonce: number;
  readonly state: CommandState;
  /** Instance that it was sent to, 0 while it is queued. */
  readonly instance: number;
  /** Nonce of the command whose result was recorded, -1 without a result. */
  readonly told: number;
}

/** The Manager's database. */
export interface Database {
  readonly commands: readonly Command[];
  /** Highest id that was ever given or heard of. */
  readonly lastId: number;
  /** Instance and session of the hello that was admitted last. */
  readonly instance: number;
  readonly session: number;
}

/** A command that is recorded as sent and not yet written to its connection. */
export interface Write {
  readonly id: number;
  readonly link: number;
  /** Whether it was made for this connection. Until it is written, hellos do not meet it. */
  readonly isNew: boolean;
}

/** The Manager process and its database. */
export interface Manager {
  readonly isUp: boolean;
  readonly database: Database;
  /** Number of the agent's current connection, 0 without one. */
  readonly current: number;
  readonly writes: readonly Write[];
  /** Open commands that were found in the database at the start and that no hello has spoken of yet. */
  readonly found: readonly number[];
  /** Connection of the newest hello, and the commands that it listed and that go on. */
  readonly newest: number;
  readonly listed: readonly number[];
  /** How far its ids have followed the agents' in this run. */
  readonly jumped: number;
  readonly backup: Database | undefined;
}

/** A message on its way to the Manager. `end` is the end of the connection. */
export type Upward =
  | {
    readonly kind: "hello";
    readonly listed: readonly Entry[];
    readonly lastId: number;
    readonly session: number;
    readonly instance: number;
  }
  | {
    readonly kind: "result";
    readonly id: number;
    /** Known to the invariants, not to the Manager: a CommandResult has no nonce. */
    readonly nonce: number;
    readonly status: ResultStatus;
  }
  | { readonly kind: "end" };

/** Status of a CommandResult. */
export type ResultStatus = "finished" | "lost" | "refused" | "too far";

/** A message on its way to an agent. */
export type Downward =
  | { readonly kind: "welcome" }
  | { readonly kind: "command"; readonly id: number; readonly nonce: number }
  | { readonly kind: "ack"; readonly id: number }
  | { readonly kind: "bye"; readonly code: ByeCode };

/** Code of a Bye; "protocol error" is for an agent whose ids are too far ahead. */
export type ByeCode = "stale" | "replaced" | "protocol error";

/** A connection. What one side has written stays readable after that side has closed. */
export interface Connection {
  readonly number: number;
  /** Index of the agent that dialled. */
  readonly agent: number;
  readonly up: readonly Upward[];
  readonly down: readonly Downward[];
  /** Whether the agent's side is open. */
  readonly isOpen: boolean;
  readonly manager: "greeting" | "ready" | "leaving" | "closed";
  /** Ids that its hello listed and that are other commands here. */
  readonly unknownIds: readonly number[];
}

/** How many times each fault may happen; in a state, how many times more. */
export interface Faults {
  readonly managerCrashes: number;
  /** A backup is taken at any time, and restored later. */
  readonly restores: number;
  readonly agentCrashes: number;
  /** An agent's journal is lost while the agent is down. */
  readonly journalLosses: number;
  readonly cuts: number;
  /** A second agent starts with a copy of the first one's journal. */
  readonly copies: number;
  /** An id that is far off, or a command again, comes from elsewhere. */
  readonly strays: number;
}

/** One state of the model. */
export interface State {
  readonly manager: Manager;
  /** The agent, and the copy of it if there is one. */
  readonly agents: readonly Agent[];
  /** Connections of which at least one side is open. */
  readonly connections: readonly Connection[];
  /** How many dials there were; a connection has the number of its dial. */
  readonly dials: number;
  /** How many instances there were. */
  readonly instances: number;
  /** How many requests the operator has made. */
  readonly requests: number;
  /** How many cancels the operator has asked for. */
  readonly cancels: number;
  readonly faults: Faults;
  /** What really happened, by nonce. No program in the model knows it. */
  readonly truth: Truth;
}

/** What really happened, by nonce. */
export interface Truth {
  readonly effects: readonly number[];
  /** The operator was told that it has no effect and will have none. */
  readonly denied: readonly number[];
  /** An agent forgot its result, and the Manager has not recorded it. */
  readonly forgotten: readonly number[];
  /** Its result may be forgotten: a limit for copied hosts that docs/reliability.md tells of. */
  readonly excused: readonly number[];
}

/** A step from one state to another. */
export interface Step {
  readonly what: string;
  readonly state: State;
}

/** Whether a command has not ended. */
export function isOpenState(state: CommandState): boolean {
  return state === "queued" || state === "sent" || state === "running";
}

/** Whether a command's end is presumed. */
export function isPresumed(state: CommandState): boolean {
  return state === "never arrived" || state === "may have run";
}

/** Whether an agent's command has no result yet. */
export function isUnfinished({ stage }: Entry): boolean {
  return stage === "accepted" || stage === "running";
}
