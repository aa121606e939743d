import type { Asker } from "../../base/asker.ts";
import type { ApprovalRecord } from "../../store/approval_records.ts";
import type { Identity, Sight } from "./access_api.ts";
import type { JobNotes, JobRequest, StartedJob } from "./job_api.ts";

/** A job as people who may approve of it see it. */
export type ApprovalView = Omit<
  ApprovalRecord,
  "requestId" | "tokenId" | "credential" | "origin"
>;

/** Request for a job that may have to wait for approvals. */
export interface ApprovableRequest extends JobRequest {
  /** Waits for an approval, though no rule asks for one. */
  readonly propose: boolean;
}

/** A job that waits for approvals. */
export interface ProposedJob {
  /** The job as it waits. */
  readonly approval: ApprovalView;
  /** Undefined if the request was asked before. */
  readonly notes: JobNotes | undefined;
}

/** Somebody who decides: an operator, or a user of the Manager's machine. */
export interface Decider extends Asker {
  /** Undefined for a user of the Manager's machine, where everything is allowed. */
  readonly identity: Identity | undefined;
}

/** Jobs that wait until others approve of them. One with an agent that the caller does not see is not there for it. */
export interface ApprovalAdmin {
  /**
   * Starts a job as `JobAdmin.start` does, or records that it waits if it needs approvals.
   *
   * @throws {PiriError} as `JobAdmin.start`; BUSY if very many wait
   */
  start(request: ApprovableRequest): Promise<StartedJob | ProposedJob>;
  /** Lists them, newest first. */
  list(
    filter: {
      /** Most to return. */
      readonly limit: number;
      /** Only those with a smaller id. */
      readonly beforeId?: bigint | undefined;
      /** Only those that wait. */
      readonly waiting?: boolean;
      /** Only that of this job. */
      readonly jobId?: bigint | undefined;
    },
    sight?: Sight,
  ): Promise<ApprovalView[]>;
  /**
   * Fetches one.
   *
   * @throws {PiriError} NOT_FOUND
   */
  get(id: bigint, sight?: Sight): Promise<ApprovalView>;
  /**
   * Streams one at once, and again at each change, until it has ended.
   *
   * @throws {PiriError} NOT_FOUND
   */
  watch(
    id: bigint,
    options: {
      readonly signal: AbortSignal;
      /** Agents that the caller sees; all if undefined. */
      readonly sight: Sight | undefined;
    },
  ): AsyncIterable<ApprovalView>;
  /**
   * Approves. The last approval that is needed starts the job.
   *
   * @throws {PiriError} NOT_FOUND; DENIED for who asked, and for one whose rules do not allow the job; FAILED_PRECONDITION
   * if it has ended, was approved by the same user, or has another statement; UNAVAILABLE if the job cannot start now
   */
  approve(
    id: bigint,
    decider: Decider & {
      readonly note: string;
      /** SHA-256 that the statement must have; any if empty. */
      readonly hash: Uint8Array;
    },
  ): Promise<ApprovalView>;
  /**
   * Adds a signature of the statement that operators sign. It approves, too, if somebody else asked. The last signature or
   * approval that is needed starts the job.
   *
   * @throws {PiriError} NOT_FOUND; DENIED for one whose rules do not allow the job; INVALID_ARGUMENT for a wrong signature;
   * FAILED_PRECONDITION if it has ended, has no such statement, or was signed by the same key
   */
  sign(
    id: bigint,
    signer: Decider & {
      /** Public key of the signer: "ed25519:" and base64. */
      readonly key: string;
      /** Signature of the statement, base64. */
      readonly signature: string;
    },
  ): Promise<ApprovalView>;
  /**
   * Ends it without a job.
   *
   * @throws {PiriError} NOT_FOUND; DENIED; FAILED_PRECONDITION if it has ended
   */
  reject(
    id: bigint,
    decider: Decider & { readonly reason: string },
  ): Promise<ApprovalView>;
  /**
   * Ends it without a job, for who asked.
   *
   * @throws {PiriError} NOT_FOUND; DENIED; FAILED_PRECONDITION if it has ended
   */
  withdraw(id: bigint, decider: Decider): Promise<ApprovalView>;
}
