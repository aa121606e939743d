import type { StreamName } from "./records.ts";
import type {
  AgentRecord,
  CommandFilter,
  CommandPatch,
  CommandRecord,
  EventRange,
  EventRecord,
  NewCommand,
  NewEvent,
  StoredOutput,
  StoreStats,
} from "./records.ts";

/**
 * The Manager's memory. Asynchronous, and plain data on both sides, so that it can move to a worker.
 *
 * Every promise of a write resolves once the write would survive a power cut. Writes that are asked for together are
 * committed together, in the order in which they were asked for; each is done wholly or, if it rejects, not at all.
 */
export interface Store extends AsyncDisposable {
  /** The random id of this database, made with it. */
  readonly managerId: string;

  agents(): Promise<AgentRecord[]>;
  agent(id: string): Promise<AgentRecord | undefined>;
  /** Of one that has a secret already, with it; others join with their token. @throws {PiriError} ALREADY_EXISTS */
  addAgent(
    agent:
      & {
        id: string;
        groups: readonly string[];
        cidrs: readonly string[];
        addedAt: number;
      }
      & (
        | { tokenHash: Uint8Array; tokenExpiresAt: number }
        | { secretHash: Uint8Array }
      ),
  ): Promise<void>;
  /** Replaces the token. The old secret stays good until the new token is used. @throws {PiriError} NOT_FOUND */
  setToken(
    id: string,
    token: { tokenHash: Uint8Array; tokenExpiresAt: number },
  ): Promise<void>;
  /**
   * Uses an agent's token: its secret is this one from now on. The same token with the same secret succeeds again.
   *
   * @throws {PiriError} AUTH_FAILED: no such agent, another token, an expired one, or one used with another secret.
   */
  enrolAgent(
    id: string,
    use: { tokenHash: Uint8Array; secretHash: Uint8Array; at: number },
  ): Promise<AgentRecord>;
  /** Takes the agent away and applies the patches, in one. @throws {PiriError} NOT_FOUND */
  removeAgent(id: string, patches: readonly CommandPatch[]): Promise<void>;
  /**
   * What a hello changes, in one: the agent's record, verdicts on its commands, and the sequence of ids, which goes on
   * above `lastCommandId`.
   */
  admitAgent(
    id: string,
    hello: {
      protocol: number;
      version: string;
      facts: Readonly<Record<string, string>>;
      instance: string;
      session: bigint;
      lastCommandId: bigint;
      address: string;
      at: number;
      patches: readonly CommandPatch[];
    },
  ): Promise<void>;
  /** The agent's connection ended; the patches go with it. */
  agentLeft(
    id: string,
    left: { at: number; patches: readonly CommandPatch[] },
  ): Promise<void>;

  /**
   * Records commands, all or none, and gives them their ids, ascending in the order given. If `requestId` was used
   * before, nothing is recorded and what it started is returned, with `repeated`.
   */
  createCommands(
    commands: readonly NewCommand[],
    request: { requestId: string; job: string },
  ): Promise<{ job: string; commands: CommandRecord[]; repeated: boolean }>;
  /** What an earlier request of this id started. */
  findRequest(
    requestId: string,
  ): Promise<{ job: string; commands: CommandRecord[] } | undefined>;
  /** @throws {PiriError} NOT_FOUND */
  patchCommand(patch: CommandPatch): Promise<void>;
  /** A command by its id. */
  command(id: bigint): Promise<CommandRecord | undefined>;
  /** Newest first. */
  commands(filter: CommandFilter): Promise<CommandRecord[]>;
  /** Every command that has not ended, or whose end is only presumed and that is younger than `presumedSince`. */
  openCommands(presumedSince: number): Promise<CommandRecord[]>;
  /** The highest id ever given. */
  lastCommandId(): Promise<bigint>;

  /** Keeps a piece of output and that so much of the stream is held (`offset` + bytes). */
  appendOutput(
    commandId: bigint,
    piece: {
      stream: StreamName;
      offset: bigint;
      bytes: Uint8Array;
      /** So many bytes just before `offset` are gone for good. */
      cut: bigint;
      /** False: the bytes are counted as held and not kept. */
      keep: boolean;
    },
  ): Promise<void>;
  /** Kept pieces of the stream that end above `offset`, in order, up to about `limit` bytes; the first may begin below it. */
  readOutput(
    commandId: bigint,
    range: { stream: StreamName; offset: bigint; limit: number },
  ): Promise<StoredOutput[]>;

  addEvent(event: NewEvent): Promise<EventRecord>;
  /** Oldest first: the newest `tail` of all, the first `limit` after `afterId`, or the newest `limit` about a command. */
  events(range: EventRange): Promise<EventRecord[]>;

  /** Deletes what is older than `before`, and the output of the oldest ended commands down to `outputBytes` in all. */
  prune(
    keep: { before: number; outputBytes: bigint },
  ): Promise<{ commands: number; events: number; outputBytes: bigint }>;
  stats(): Promise<StoreStats>;
}
