import type { Asker } from "../../base/asker.ts";
import type { Sealed } from "../../base/sealed.ts";
import type { JobCounts } from "../../base/job_counts.ts";
import type {
  EntryRecord,
  JobFilter,
  JobLimits,
  JobRecord,
  SignatureRecord,
  SignedRecord,
} from "../../store/job_records.ts";
import type { Rights, Sight } from "./access_api.ts";
import type { RunRequest, WatchEvent } from "./command_api.ts";
import type { ResolvedTargets, TargetSelection } from "./target_api.ts";

/** Statement that operators have signed, as a request has it. */
export interface AskedSignatures extends Omit<SignedRecord, "signatures"> {
  /** Signatures that it has. */
  readonly signatures: readonly (
    & Pick<SignatureRecord, "key" | "signature">
    & Partial<SignatureRecord>
  )[];
}

/** Request to do something on many agents. */
export interface JobRequest extends
  Pick<
    RunRequest,
    | "operation"
    | "params"
    | "timeoutMs"
    | "onDisconnect"
    | "killAfterMs"
    | "survive"
    | "requestId"
  >,
  Asker {
  /** Target expressions and their options. */
  readonly targets: TargetSelection;
  /** Limits of the job. */
  readonly limits: JobLimits;
  /** Name for people. */
  readonly name: string;
  /** Note for people. */
  readonly note: string;
  /** Rights of the asker on agents; all if absent. */
  readonly rights?: Rights;
  /** Leaves out agents on which rules do not allow it, instead of an error. */
  readonly skipDenied?: boolean;
  /** Statement that operators have signed; none if absent. */
  readonly signed?: AskedSignatures | undefined;
  /** Act that it is in the audit, if it is not just a job. */
  readonly act?: {
    /** Name of the call in the control API. */
    readonly name: string;
    /** Things that the act is on. */
    readonly on: readonly string[];
    /** More that was asked for. */
    readonly statement: Readonly<Record<string, unknown>>;
  };
  /** Secrets that came with the request, by the names that its parameters have for them; none if absent. */
  readonly secrets?: ReadonlyMap<string, Sealed>;
}

/** A job as people see it. */
export type JobView =
  & Omit<JobRecord, "requestId" | "endsAs" | "tokenId" | "counts">
  & { readonly counts: JobCounts };

/** An agent of a job as people see it. */
export interface EntryView extends EntryRecord {
  /** End of the connection of its agent, in milliseconds since 1970, while the entry has not ended and the agent is away. */
  readonly unreachableSince: number | null;
}

/** Remarks on the targets of a job. */
export interface JobNotes extends
  Pick<
    ResolvedTargets,
    | "leftOut"
    | "notSampled"
    | "missing"
    | "lacking"
    | "unmatched"
    | "gone"
    | "seed"
  > {
  /** Agents that were connected when the Manager stopped, and are expected back at any moment. */
  readonly expected: readonly string[];
  /** Agents that were left out because rules do not allow it on them. */
  readonly denied: readonly string[];
}

/** A job that was asked for. */
export interface StartedJob {
  /** The job. */
  readonly job: JobView;
  /** Undefined if the request was asked before. */
  readonly notes: JobNotes | undefined;
}

/** Agents of a job on which it is repeated. */
export type RerunScope = "all" | "failed" | "lost" | "unreachable";

/** News of a watched job. Each has at least one of these. */
export interface JobNews {
  /** The job, if its state or counts have changed. */
  readonly job?: JobView;
  /** Entries that have changed. */
  readonly entries?: readonly EntryView[];
  /** Event of a command. */
  readonly event?: WatchEvent;
  /** True once all entries have been told. */
  readonly complete?: boolean;
}

/** Jobs: one request to many agents each. A job with an agent that the asker does not see is not there for it. */
export interface JobAdmin {
  /**
   * Records a job with an entry for each agent, and starts what its limits allow.
   *
   * @throws {PiriError} as the resolution of targets; INVALID_ARGUMENT for wrong parameters or limits; UNAVAILABLE if no
   * agent is connected that could come first
   */
  start(request: JobRequest): Promise<StartedJob>;
  /**
   * Fetches a job by its id.
   *
   * @throws {PiriError} NOT_FOUND
   */
  get(id: bigint, sight?: Sight): Promise<JobView>;
  /** Lists jobs, newest first. */
  list(filter: JobFilter, sight?: Sight): Promise<JobView[]>;
  /**
   * Lists entries in the order of starting.
   *
   * @throws {PiriError} NOT_FOUND
   */
  entries(
    id: bigint,
    page: { readonly from: number; readonly limit: number },
    sight?: Sight,
  ): Promise<EntryView[]>;
  /**
   * Streams a job, all its entries, and what changes, until it has ended and all of that was told. The end of a command is
   * told after all its output.
   *
   * @throws {PiriError} NOT_FOUND
   */
  watch(
    id: bigint,
    options: {
      /** Tells output and progress of the commands, too. */
      readonly output: boolean;
      /** Offsets from which the output of commands is told; from the beginning for others. */
      readonly from: readonly {
        id: bigint;
        stdoutOffset: bigint;
        stderrOffset: bigint;
      }[];
      readonly signal: AbortSignal;
      /** Agents that the asker sees; all if absent. */
      readonly sight?: Sight | undefined;
    },
  ): AsyncIterable<JobNews>;
  /**
   * Starts nothing more, and cancels what runs.
   *
   * @throws {PiriError} NOT_FOUND; FAILED_PRECONDITION if it has ended
   */
  cancel(
    id: bigint,
    request: Asker & { readonly graceMs?: number | undefined },
  ): Promise<JobView>;
  /**
   * Starts nothing more until it is resumed.
   *
   * @throws {PiriError} NOT_FOUND; FAILED_PRECONDITION if it has ended or is ending
   */
  pause(id: bigint, asker: Asker): Promise<JobView>;
  /**
   * Goes on with a paused job.
   *
   * @throws {PiriError} NOT_FOUND; FAILED_PRECONDITION if it is not paused
   */
  resume(id: bigint, asker: Asker): Promise<JobView>;
  /**
   * Repeats a job that has ended, as a new job.
   *
   * @throws {PiriError} NOT_FOUND; FAILED_PRECONDITION if it has not ended; and as `start`
   */
  rerun(
    id: bigint,
    request: Asker & {
      readonly scope: RerunScope;
      /** Only agents that these target expressions mean, if any. */
      readonly on: readonly string[];
      readonly requestId: string;
      /** Rights of the asker on agents; all if absent. */
      readonly rights?: Rights;
      /** Leaves out agents on which rules do not allow it, instead of an error. */
      readonly skipDenied?: boolean;
    },
  ): Promise<StartedJob>;
}
