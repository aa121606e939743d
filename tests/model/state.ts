/**
 * All that exists in the model: one Manager, one agent, possibly a copy of the agent's host, and the connections
 * between them. A state is plain data and never changes; each step makes a new one.
 *
 * The model has the rules of lib/manager and lib/agent as they are, and names the file of each. Of a job it has the
 * entries: when one becomes a command, and what its end says. Windows and limits of jobs are left out, and so are output,
 * timeouts, the end of programs by a cancel, features, legacy peers, and full disks. A program ends by itself.
 * Comparing, recording and answering a hello is one step; tests/simulation tries the events in between. The
 * acknowledgement that follows ServerHello for ended commands is left out too: the agent sends such a result again, and
 * that one is acknowledged.
 *
 * @module
 */

/**
 * Progress of a command on an agent. `held` is accepted, and waits for the next ServerHello. `lost` and `refused` are
 * results that the agent's successor writes, `cancelled` is the result of a command that never began.
 */
export type Stage =
  | "accepted"
  | "held"
  | "running"
  | "finished"
  | "cancelled"
  | "lost"
  | "refused";

/** A command in an agent's journal. */
export interface Entry {
  readonly id: number;
  /** Number of the operator's request, from 0. It distinguishes two commands of the same id. */
  readonly nonce: number;
  readonly stage: Stage;
}

/** An agent process and its journal. */
export interface Agent {
  readonly isUp: boolean;
  /** Number of its connection, 0 without one. */
  readonly link: number;
  /** True if it has read the ServerHello of its connection. */
  readonly isReady: boolean;
  /** Commands on their way to the disk, each with the connection that brought it. */
  readonly accepting: readonly Accepting[];
  readonly journal: readonly Entry[];
  /** Highest id that was ever accepted. */
  readonly lastId: number;
  /** Number of its last dial. */
  readonly session: number;
  readonly instance: number;
  /** True if a Bye(STALE) has told it that its journal has a copy. */
  readonly wasStale: boolean;
}

/** Names of the agent and its copy in traces. */
export const AGENT_NAMES = ["A", "copy"] as const;

/** A command that was read and is not in the journal yet. */
export interface Accepting {
  readonly id: number;
  readonly nonce: number;
  readonly link: number;
}

/**
 * State of a command in the Manager's database. "never arrived", "may have run" and "given up" are presumed ends. "lost",
 * "refused" and "too far" are an agent's report, the last one of an id too far above its last.
 */
export type CommandState =
  | "queued"
  | "sent"
  | "running"
  | "succeeded"
  | "cancelled"
  | "never arrived"
  | "may have run"
  | "given up"
  | "lost"
  | "refused"
  | "too far";

/** A row of the Manager's database. */
export interface Command {
  readonly id: number;
  readonly nonce: number;
  readonly state: CommandState;
  /** Instance that the command was sent to, 0 while it is queued. */
  readonly instance: number;
  /** Nonce of the command whose result was recorded, -1 without a result. */
  readonly told: number;
  /** True once the operator has cancelled it, or has given it up. */
  readonly isUnwanted: boolean;
}

/** State of an entry of a job. `started` has a command, and `skipped` stands for every end without a command. */
export type JobEntryState = "waiting" | "started" | "skipped" | "may have run";

/** An entry of a job: a request that has no command until it is released. */
export interface JobEntry {
  /** Number of the operator's request. Its command has the same number here. */
  readonly nonce: number;
  readonly state: JobEntryState;
}

/** The Manager's database. */
export interface Database {
  readonly commands: readonly Command[];
  readonly entries: readonly JobEntry[];
  /** Highest id ever assigned or heard of. */
  readonly lastId: number;
  /** Highest id that was sent to the agent, or that its hellos named as its last. */
  readonly lastSent: number;
  /** Instance and session of the hello admitted last. */
  readonly instance: number;
  readonly session: number;
}

/** A command that is recorded as sent and not written to its connection yet. */
export interface Write {
  readonly id: number;
  readonly link: number;
  /** True if the command was made for this connection. Reconciliation ignores such a command until it is written. */
  readonly isNew: boolean;
}

/** The Manager process and its database. */
export interface Manager {
  readonly isUp: boolean;
  readonly database: Database;
  /** Number of the agent's current connection, 0 without one. */
  readonly current: number;
  readonly writes: readonly Write[];
  /** Open commands that were found in the database at the start and are in no hello since. */
  readonly found: readonly number[];
  /** Nonces of entries that were found waiting at the start, and no hello since. */
  readonly foundEntries: readonly number[];
  /** Connection of the newest hello, and the commands in it that go on. */
  readonly newest: number;
  readonly listed: readonly number[];
  /** Total distance that its ids have followed the agents' in this run. */
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
    /** Known to the invariants only: a CommandResult has no nonce. */
    readonly nonce: number;
    readonly status: ResultStatus;
  }
  | { readonly kind: "end" };

/** Status of a CommandResult. */
export type ResultStatus =
  | "finished"
  | "cancelled"
  | "lost"
  | "refused"
  | "too far";

/** A message on its way to an agent. */
export type Downward =
  | {
    readonly kind: "welcome";
    /** Ids of commands that must not begin. */
    readonly cancelled: readonly number[];
    /** Known to the invariants only: requests that the operator has ended before this message was made. */
    readonly ended: readonly number[];
  }
  | { readonly kind: "command"; readonly id: number; readonly nonce: number }
  | { readonly kind: "cancel"; readonly id: number }
  | { readonly kind: "ack"; readonly id: number }
  | { readonly kind: "bye"; readonly code: ByeCode };

/** Code of a Bye. "protocol error" is for an agent whose ids are too far ahead. */
export type ByeCode = "stale" | "replaced" | "protocol error";

/** A connection. Messages of one side stay readable after that side has closed. */
export interface Connection {
  readonly number: number;
  /** Index of the agent that dialled. */
  readonly agent: number;
  readonly up: readonly Upward[];
  readonly down: readonly Downward[];
  /** True if the agent's side is open. */
  readonly isOpen: boolean;
  readonly manager: "greeting" | "ready" | "leaving" | "closed";
  /** Ids that its hello listed and that belong to other commands here. */
  readonly unknownIds: readonly number[];
}

/** Number of times that each fault may happen. In a state, the number that remains. */
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
  /** An id far above the others, or a repeated command, comes from elsewhere. */
  readonly strays: number;
  /** An agent stands still, for longer than the Manager waits for its Pong. */
  readonly standstills: number;
}

/** One state of the model. */
export interface State {
  readonly manager: Manager;
  /** The agent, and its copy if there is one. */
  readonly agents: readonly Agent[];
  /** Connections of which at least one side is open. */
  readonly connections: readonly Connection[];
  /** Number of dials so far. A connection has the number of its dial. */
  readonly dials: number;
  /** Number of instances so far. */
  readonly instances: number;
  /** Number of requests of the operator so far. */
  readonly requests: number;
  /** Number of cancels of the operator so far, of commands that have not been sent. */
  readonly cancels: number;
  /** Number of cancels of commands that were sent, and of commands that were given up, so far. */
  readonly stops: number;
  /** True from a restored backup until the next hello that is admitted. */
  readonly isSetBack: boolean;
  readonly faults: Faults;
  /** Facts by nonce. No program in the model knows them. */
  readonly truth: Truth;
}

/** Facts about requests, by nonce. */
export interface Truth {
  readonly effects: readonly number[];
  /** Requests of which the operator was told that they have no effect and will have none. */
  readonly denied: readonly number[];
  /** Requests whose result an agent forgot before the Manager recorded it. */
  readonly forgotten: readonly number[];
  /** Requests whose result may be forgotten: a limit for copied hosts (docs/reliability.md). */
  readonly excused: readonly number[];
  /** Requests that the operator has ended. */
  readonly stopped: readonly number[];
  /** Requests that the operator has ended, and whose agent could know it before they began. */
  readonly barred: readonly number[];
  /** Requests that began although they were barred. */
  readonly begunBarred: readonly number[];
  /** Requests that were made before a backup was restored, or before the first hello after it. */
  readonly setBack: readonly number[];
  /** Entries that were called lost although this database and this journal knew all about them. */
  readonly needless: readonly number[];
}

/** A step from one state to another. */
export interface Step {
  readonly what: string;
  readonly state: State;
}

/** True for a command that has not ended. */
export function isOpenState(state: CommandState): boolean {
  return state === "queued" || state === "sent" || state === "running";
}

/** True for a command whose end is presumed. */
export function isPresumed(state: CommandState): boolean {
  return state === "never arrived" || state === "may have run" ||
    state === "given up";
}

/** True for an agent's command without a result. */
export function isUnfinished({ stage }: Entry): boolean {
  return isUnbegun({ stage }) || stage === "running";
}

/** True for an agent's command that has not begun, and has no result. */
export function isUnbegun({ stage }: Pick<Entry, "stage">): boolean {
  return stage === "accepted" || stage === "held";
}
