import type { Asker } from "../../base/asker.ts";
import type {
  JoinTokenRecord,
  PendingAgentRecord,
} from "../../store/enrolment_records.ts";

/** Bounds of a new join token. Times are in milliseconds. */
export interface NewJoinToken {
  /** Most agents that may join by it. */
  readonly uses: number;
  /** Time in which hosts may join by it. */
  readonly expiresInMs: number;
  /** Groups that its agents get. */
  readonly groups: readonly string[];
  /** Pattern of the names that it is for, with `*` and `?`; empty for any. */
  readonly name: string;
  /** Networks that its agents may join and connect from; empty for any. */
  readonly cidrs: readonly string[];
  /** True if somebody has to accept each host. */
  readonly approve: boolean;
}

/** Join token as it is shown: nobody can see its secret again. */
export type JoinTokenView = Omit<JoinTokenRecord, "hash">;

/** Host that waits, and the agents that had its name before. */
export type PendingAgentView = PendingAgentRecord;

/** Tokens by which hosts join, and hosts that wait to be accepted. */
export interface EnrolmentAdmin {
  /**
   * Makes a join token.
   *
   * @returns Its number, and the line for `piri-agent join`.
   * @throws {PiriError} INVALID_ARGUMENT for a bad pattern, group, network or bound
   */
  createToken(
    token: NewJoinToken,
    asker?: Asker,
  ): Promise<{ id: number; token: string }>;
  /** All join tokens by number. */
  tokens(): Promise<JoinTokenView[]>;
  /**
   * Revokes a join token: nobody joins by it any more, and hosts that wait with it are turned away. Its agents stay.
   *
   * @throws {PiriError} NOT_FOUND; FAILED_PRECONDITION if it is revoked
   */
  revokeToken(id: number, asker?: Asker): Promise<void>;
  /** Hosts that wait to be accepted, or were rejected in the last 7 days, by name. */
  pending(): Promise<PendingAgentView[]>;
  /**
   * Accepts a host that waits: it is in with its next hello.
   *
   * @param name The name that it asks for.
   * @param fingerprint Its key, as `SHA256:...`; needed if several hosts ask for the name.
   * @param asker Who accepts it.
   * @throws {PiriError} NOT_FOUND; FAILED_PRECONDITION if several ask for the name, or it was decided before
   */
  accept(
    name: string,
    fingerprint?: string,
    asker?: Asker,
  ): Promise<PendingAgentView>;
  /**
   * Rejects a host that waits, and tells it the reason.
   *
   * @throws {PiriError} as `accept`
   */
  reject(
    name: string,
    decision: { reason: string; fingerprint?: string | undefined },
    asker?: Asker,
  ): Promise<PendingAgentView>;
}
