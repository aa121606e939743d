import type { AgentAlias } from "./agent_aliases.ts";
import type {
  EnrolmentChange,
  EnrolmentRecords,
  Join,
  JoinTokenRecord,
  NewHost,
} from "./enrolment_records.ts";
import type { NewAudit } from "./audit_records.ts";
import type { EntryMove, MovedEntry } from "./job_records.ts";
import type {
  AgentChange,
  AgentRecord,
  CommandPatch,
  NewEvent,
  NewKey,
} from "./records.ts";

/** Other changes of the write that records an admission. */
export interface Admittance {
  readonly moved: readonly MovedEntry[];
  /** Id of its event; undefined if it has none. */
  readonly eventId: bigint | undefined;
}

/** Part of the Store that has agents, and how they join, connect and leave. */
export interface AgentStore {
  agents(): Promise<AgentRecord[]>;
  agent(id: string): Promise<AgentRecord | undefined>;
  /**
   * Adds an agent: with its secret if it has one already, else with a token to join with.
   *
   * @throws {PiriError} ALREADY_EXISTS
   */
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
    audit?: NewAudit,
  ): Promise<void>;
  /**
   * Replaces the token. The old secret stays valid until the new token is used.
   *
   * @throws {PiriError} NOT_FOUND
   */
  setToken(
    id: string,
    token: { tokenHash: Uint8Array; tokenExpiresAt: number },
    audit?: NewAudit,
  ): Promise<void>;
  /**
   * Changes what operators set of agents, in one write. Resolves to the records of those that it changed.
   *
   * @throws {PiriError} NOT_FOUND, and then nothing is changed
   */
  setAgents(
    ids: readonly string[],
    change: AgentChange,
    audit?: NewAudit,
  ): Promise<AgentRecord[]>;
  /** Replaces the facts that an agent tells. Does nothing if it has been removed meanwhile. */
  setHostFacts(
    id: string,
    facts: Readonly<Record<string, string>>,
  ): Promise<void>;
  /**
   * Uses an agent's token: from now on this is its secret, and this its key, or none. The same token with the same
   * secret succeeds again, and changes nothing.
   *
   * @throws {PiriError} AUTH_FAILED: no such agent, another token, an expired one, or one used with another secret.
   */
  enrolAgent(
    id: string,
    use: {
      tokenHash: Uint8Array;
      secretHash: Uint8Array;
      publicKey?: Uint8Array | undefined;
      at: number;
    },
    audit?: NewAudit,
  ): Promise<AgentRecord>;
  /**
   * Removes the agent, keeps the hash of its key, or else of its secret, applies the patches, and moves its entries in jobs, in one write.
   *
   * @throws {PiriError} NOT_FOUND
   */
  removeAgent(
    id: string,
    removal: {
      at: number;
      patches: readonly CommandPatch[];
      entries?: EntryMove | undefined;
    },
    audit?: NewAudit,
  ): Promise<MovedEntry[]>;
  /**
   * Gives an agent another name, everywhere in one write, and keeps the former one as an alias. Resolves to its record.
   *
   * @throws {PiriError} NOT_FOUND; ALREADY_EXISTS if the name is used, or was; REFUSED while jobs wait for the agent
   */
  renameAgent(from: string, to: string, audit?: NewAudit): Promise<AgentRecord>;
  /** Throws what `renameAgent` would, and changes nothing. */
  checkRename(from: string, to: string): Promise<void>;
  /** Former names of agents. */
  agentAliases(): Promise<AgentAlias[]>;
  /**
   * Revokes the agent and its key, applies the patches, and moves its entries in jobs, in one write. Its name stays taken.
   *
   * @throws {PiriError} NOT_FOUND; FAILED_PRECONDITION if it is revoked
   */
  revokeAgent(
    id: string,
    removal: Parameters<AgentStore["removeAgent"]>[1],
    audit?: NewAudit,
  ): Promise<MovedEntry[]>;
  /** Join tokens, and the hosts that wait to be accepted. */
  enrolment(): Promise<EnrolmentRecords>;
  /** The join token of this hash, and if an agent of this name was there before; undefined for no such token. */
  joinToken(
    hash: Uint8Array,
    name: string,
  ): Promise<{ token: JoinTokenRecord; isNameUsed: boolean } | undefined>;
  /**
   * Changes join tokens or what waits. Resolves to all of them.
   *
   * @throws {PiriError} NOT_FOUND, FAILED_PRECONDITION
   */
  changeEnrolment(
    change: EnrolmentChange,
    audit?: NewAudit,
  ): Promise<EnrolmentRecords>;
  /**
   * Lets a host in by a join token, and counts the use. The same host with the same key succeeds again, and uses nothing.
   *
   * @throws {PiriError} AUTH_FAILED: no such token. DENIED: the reason may be told to who has the token.
   */
  joinAgent(host: NewHost, audit?: NewAudit): Promise<Join>;
  /** Time at which an agent of this name with this hash of its key or secret was removed; undefined if none is remembered. */
  removedAt(id: string, secretHash: Uint8Array): Promise<number | undefined>;
  /**
   * Applies all changes of a hello in one write: the agent's record, its key if it is new, patches of its commands, and the next command id,
   * which is then above `lastCommandId`. Entries of jobs up to `doubt.lastJob` are moved if the database cannot tell if they
   * ran: the agent accepted ids that were never recorded as sent to it, or its journal is not the one of then. The event
   * is recorded as well.
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
      newKey?: NewKey | undefined;
      /** Key that replaces the agent's from now on: it is the next one, and this hello has proven it. */
      nextKey?: Uint8Array | undefined;
      /** SHA-256 of the keys of others that it trusts, in hex digits; absent if it does not tell. */
      trust?: readonly string[] | undefined;
      doubt?: { lastJob: bigint; move: EntryMove } | undefined;
      event?: NewEvent | undefined;
    },
  ): Promise<Admittance>;
  /** Records the end of the agent's connection and applies the patches, in one write. */
  agentLeft(
    id: string,
    left: { at: number; patches: readonly CommandPatch[] },
  ): Promise<void>;
}
