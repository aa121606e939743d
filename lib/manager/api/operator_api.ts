import type { Asker } from "../../base/asker.ts";
import type { EventCursor } from "../../base/event_cursor.ts";
import type { EventFilter } from "../../base/event_filter.ts";
import type { AgentChange } from "../../store/records.ts";
import type { AccessAdmin, Sight } from "./access_api.ts";
import type { ReleaseAdmin } from "./release_api.ts";
import type { SecretAdmin } from "./secret_api.ts";
import type { ApprovalAdmin } from "./approval_api.ts";
import type { AuditAdmin } from "./audit_api.ts";
import type { CiAdmin } from "./ci_api.ts";
import type { CommandAdmin, CommandView, WriteFailure } from "./command_api.ts";
import type { EnrolmentAdmin } from "./enrolment_api.ts";
import type { KeysAdmin } from "./keys_api.ts";
import type { JobAdmin } from "./job_api.ts";
import type { DriftAdmin } from "./drift_api.ts";
import type { PlanAdmin } from "./plan_api.ts";
import type {
  KnownNames,
  PingedAgents,
  ResolvedTargets,
  TargetSelection,
  WantedNames,
} from "./target_api.ts";

export type { Rights, Sight } from "./access_api.ts";
export type {
  CancelledView,
  CommandAdmin,
  CommandView,
  Evidence,
  RunRequest,
  TimelineEntry,
  WatchEvent,
  WriteFailure,
} from "./command_api.ts";
export type {
  JobAgents,
  KnownNames,
  PingedAgent,
  PingedAgents,
  ResolvedTargets,
  TargetSelection,
  WantedNames,
} from "./target_api.ts";

/** Everything that an operator can ask of a Manager. */
export interface Manager {
  /** Entries and connections of agents. */
  readonly agents: AgentAdmin;
  /** Commands and their life. */
  readonly commands: CommandAdmin;
  /** Jobs: one request to many agents each. */
  readonly jobs: JobAdmin;
  /** Jobs that wait until others approve of them. */
  readonly approvals: ApprovalAdmin;
  /** Plans: what states would change on hosts. */
  readonly plans: PlanAdmin;
  /** Drift: hosts that differ from their states. */
  readonly drift: DriftAdmin;
  /** Events, past and new. */
  readonly events: EventFeed;
  /** Record of the acts that users asked for. */
  readonly audit: AuditAdmin;
  /** Large inputs of commands. */
  readonly blobs: BlobAdmin;
  /** Operators who ask from other machines. */
  readonly access: AccessAdmin;
  /** Tokens by which hosts join, and hosts that wait to be accepted. */
  readonly enrolment: EnrolmentAdmin;
  /** Jobs of a CI that log in without a stored secret. */
  readonly ci: CiAdmin;
  /** Secrets for commands. */
  readonly secrets: SecretAdmin;
  /** Releases that agents can be updated to. */
  readonly releases: ReleaseAdmin;
  /** Keys that agents trust. */
  readonly keys: KeysAdmin;
  /** Operations of this build. */
  readonly operations: readonly OperationView[];
  /** Status of the Manager. */
  status(): Promise<ManagerStatus>;
  /** Begin and reason, while the Manager cannot write its database. */
  readonly writeFailure: WriteFailure | undefined;
}

/** Entries and connections of agents. */
export interface AgentAdmin {
  /** Lists the agents by name. */
  list(): Promise<AgentView[]>;
  /**
   * Makes an entry and returns the token that the agent joins with.
   *
   * @throws {PiriError} INVALID_ARGUMENT for a bad name, group or network; ALREADY_EXISTS.
   */
  add(agent: {
    id: string;
    groups: readonly string[];
    cidrs: readonly string[];
    expiresInMs?: number | undefined;
  }, asker?: Asker): Promise<string>;
  /**
   * Makes an entry for an agent that has a secret already and joins without a token: a legacy agent.
   *
   * @throws {PiriError} INVALID_ARGUMENT for a bad name, group or network; ALREADY_EXISTS.
   */
  addWithSecret(agent: {
    id: string;
    groups: readonly string[];
    cidrs: readonly string[];
    /** SHA-256 of the secret. */
    secretHash: Uint8Array;
  }, asker?: Asker): Promise<void>;
  /**
   * Makes a new token for an agent whose host was installed anew.
   *
   * @throws {PiriError} NOT_FOUND
   */
  renewToken(id: string, expiresInMs?: number, asker?: Asker): Promise<string>;
  /**
   * Changes groups and facts of the agents that expressions mean, and if they are retired. The retired ones and those that
   * have not joined are meant, too.
   *
   * @throws {PiriError} INVALID_ARGUMENT for a bad expression, group or fact; NOT_FOUND for unknown names
   */
  set(
    expressions: readonly string[],
    change: AgentChange,
    asker?: Asker,
  ): Promise<SetAgents>;
  /**
   * Finds the enrolled agents that a selection means. Those that the asker does not see are not there for it.
   *
   * @throws {PiriError} INVALID_ARGUMENT with the place in an expression; NOT_FOUND for unknown names, groups, facts and
   * jobs, and for a selection that means nobody; UNAVAILABLE if only connected agents are asked for and none is
   */
  resolve(
    selection: TargetSelection,
    sight?: Sight,
  ): Promise<ResolvedTargets>;
  /**
   * Measures the round trips of a selection's connected agents. Nothing is run and nothing is recorded.
   *
   * @param selection The agents.
   * @param timeoutMs Longest wait for an answer, in milliseconds.
   * @param sight Agents that the asker sees; all if absent.
   * @throws {PiriError} as `resolve`
   */
  ping(
    selection: TargetSelection,
    timeoutMs: number,
    sight?: Sight,
  ): Promise<PingedAgents>;
  /** Lists names of agents, of their groups and of their facts that begin with a text. */
  names(wanted: WantedNames, sight?: Sight): KnownNames;
  /**
   * Removes an agent and tells it.
   *
   * @param id Name of the agent.
   * @param options With `force`, its open commands are cancelled first. Their ends are waited for, for at most 30 s, if the
   * agent is connected. What has not ended then is lost.
   * @throws {PiriError} NOT_FOUND; REFUSED while commands of the agent are open, unless `force` is set
   */
  remove(
    id: string,
    options?: { readonly force?: boolean; readonly asker?: Asker },
  ): Promise<RemovedAgent>;
  /**
   * Gives an agent another name, everywhere but in the audit. One that still says the former name is let in, and learns the
   * new one. Resolves to true if it was connected, and was asked to come back.
   *
   * @throws {PiriError} INVALID_ARGUMENT, NOT_FOUND; ALREADY_EXISTS if the name is used, or was; REFUSED while commands of
   * the agent are open, jobs wait for it, or rules or settings name it
   */
  rename(id: string, newId: string, asker?: Asker): Promise<boolean>;
  /**
   * Revokes an agent: its connection ends at once, its open commands are lost, and neither its key nor its name lets
   * anyone in. Its entry stays.
   *
   * @throws {PiriError} NOT_FOUND; FAILED_PRECONDITION if it is revoked
   */
  revoke(id: string, asker?: Asker): Promise<RemovedAgent>;
}

/** Effects of a removal. */
export interface RemovedAgent {
  /** Commands that were open, as they are now. */
  readonly commands: readonly CommandView[];
  /** True if the agent was connected, and was told. */
  readonly told: boolean;
}

/** Effects of a change of agents. */
export interface SetAgents {
  /** Names of all that were meant, in natural order. */
  readonly names: readonly string[];
  /** Names of those that were changed. */
  readonly changed: readonly string[];
}

/** An agent as people see it. */
export interface AgentView {
  /** Name of the agent. */
  readonly id: string;
  /** True while it is connected. */
  readonly connected: boolean;
  /** Begin of its connection, or end of its last one, in milliseconds since 1970; null if it never connected. */
  readonly since: number | null;
  /** Address and port that it connected from last; empty if it never connected. */
  readonly address: string;
  /** Version of its build, of its latest hello. */
  readonly version: string;
  /** Protocol of its latest hello: "2", "2024", or empty if it never connected. */
  readonly protocol: string;
  /** Groups of its entry. */
  readonly groups: readonly string[];
  /** Networks that it may connect from; any if empty. */
  readonly cidrs: readonly string[];
  /** True once it has joined. */
  readonly joined: boolean;
  /** Random id of its journal; empty for a legacy agent, or if it never connected. */
  readonly instance: string;
  /** Facts of its latest hello, and those that operators set, which win. */
  readonly facts: Readonly<Record<string, string>>;
  /** Facts that operators set. */
  readonly setFacts: Readonly<Record<string, string>>;
  /** True for a host that is gone for good. */
  readonly retired: boolean;
  /** Time at which it was revoked; null if it is not. */
  readonly revokedAt: number | null;
}

/** An event, as operators see it. */
export interface EventView {
  /** Place among all events, which tells the event from all others. */
  readonly key: EventCursor;
  /** Number of the event; 0 for one that is read from the record of a command. */
  readonly id: bigint;
  /** Kind of the event, such as "agent_connected". */
  readonly kind: string;
  /** Name of the agent; null for none. */
  readonly agent: string | null;
  /** Id of the command; null for none. */
  readonly commandId: bigint | null;
  /** Text for people. */
  readonly message: string;
}

/** The newest events, or those after one. */
export type EventStart =
  | { readonly tail: number }
  | { readonly afterId: bigint }
  | { readonly after: EventCursor };

/** Events of the Manager. */
export interface EventFeed {
  /**
   * Streams past events, oldest first; with `follow` also new ones until the signal is aborted, each once.
   *
   * @throws {PiriError} BUSY if a follower reads so slowly that too many events wait for it
   */
  watch(
    start: EventStart,
    options: { follow: boolean; filter: EventFilter; signal: AbortSignal },
  ): AsyncIterable<EventView>;
}

/** Large inputs of commands, kept by their SHA-256 in hex digits. */
export interface BlobAdmin {
  /** True if the Manager has a blob. It is then kept for another hour. */
  has(sha256: string): Promise<boolean>;
  /**
   * Keeps small blobs, and returns their hashes.
   *
   * @throws {PiriError} FAILED_PRECONDITION if there is no room for it; DISK
   */
  add(contents: readonly Uint8Array[]): Promise<string[]>;
  /**
   * Begins an upload and returns its id.
   *
   * @param size Its size in bytes; 0 if it is not known.
   * @throws {PiriError} FAILED_PRECONDITION if there is no room for it; DISK
   */
  begin(size?: number): Promise<string>;
  /**
   * Tells how many bytes of an upload have come, also before a restart.
   *
   * @throws {PiriError} NOT_FOUND
   */
  offset(id: string): Promise<number>;
  /**
   * Appends bytes to an upload, and returns how many it has then.
   *
   * @throws {PiriError} NOT_FOUND; FAILED_PRECONDITION if bytes before `offset` are missing, or there is no room; DISK
   */
  append(id: string, offset: number, bytes: Uint8Array): Promise<number>;
  /**
   * Makes a blob of an upload.
   *
   * @throws {PiriError} NOT_FOUND; FAILED_PRECONDITION if its hash is not the expected one; DISK
   */
  finish(
    id: string,
    expected?: string,
  ): Promise<{ sha256: string; size: number }>;
}

/** Description of an operation. */
export interface OperationView {
  /** Name, such as "command.Run". */
  readonly name: string;
  /** Text for people. */
  readonly description: string;
  /** Parameters in order, with their types as text. */
  readonly parameters: readonly {
    readonly name: string;
    readonly type: string;
    readonly required: boolean;
    readonly description: string;
  }[];
}

/** Status of the Manager. */
export interface ManagerStatus {
  /** Version of the build. */
  readonly version: string;
  /** Id of the database. */
  readonly managerId: string;
  /** Start of this run, in milliseconds since 1970. */
  readonly startedAt: number;
  /** Address for agents, "host:port". */
  readonly listen: string;
  /** Address that tokens name, "host:port". */
  readonly advertise: string;
  /** Number of connected agents. */
  readonly agentsConnected: number;
  /** Number of agents with an entry. */
  readonly agentsKnown: number;
  /** Number of commands that have not ended. */
  readonly commandsOpen: number;
  /** Number of commands in the database. */
  readonly commandsTotal: bigint;
  /** Size of all kept output, in bytes. */
  readonly outputBytes: bigint;
  /** Size of the database with its files of output, in bytes. */
  readonly databaseBytes: bigint;
  /** Limits of the history: age in days, and kept output in bytes. */
  readonly retention: {
    readonly days: number;
    readonly outputBytes: bigint;
    readonly outputBytesPerCommand: bigint;
  };
  /** Number and size of the blobs, and the limit of the size. */
  readonly blobs: {
    readonly count: number;
    readonly bytes: number;
    readonly limit: number;
  };
  /** Expiry of the certificate of the Manager, in milliseconds since 1970. */
  readonly certificateExpiresAt: number;
  /** Counters of this run by name. */
  readonly counters: Readonly<Record<string, bigint>>;
}
