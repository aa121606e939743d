import type { GuardBounds } from "../../operations/guard.ts";
import type {
  Outcome,
  ProcessIdentity,
  StreamName,
  Survival,
} from "../../operations/operation.ts";
import type { PrintedHashes } from "./printed_hashes.ts";

/** One command in the form that a worker gets. */
export interface WorkItem {
  readonly commandId: bigint;
  readonly operation: string;
  /** JSON object as received. */
  readonly params: string;
  /** See OperationContext. */
  readonly marker: string;
  /** Bounds in the host's files; none if absent. */
  readonly bounds?: GuardBounds | undefined;
  /** See OperationContext. */
  readonly survival?: Survival | undefined;
}

/** Calls that a worker makes to the one who started the work, in the order in which the operation made them. */
export interface WorkSink {
  /** Tells that a program begins, or ends, which a cancel must wait for. */
  shield?(isOn: boolean): void;
  started(identity: ProcessIdentity): void;
  /**
   * Passes on output, with its place in the stream if the operation tells it. The worker waits until this resolves: that
   * is how a slow Manager slows the program.
   */
  output(
    stream: StreamName,
    bytes: Uint8Array<ArrayBuffer>,
    offset?: number,
  ): Promise<void>;
  progress(current: number, total: number, message: string): void;
  /** Requests data. Rejects with a PiriError, whose code and message reach the operation. */
  request(type: string, params: string): Promise<string | Uint8Array>;
  /**
   * Called once, last, after all output was taken. An error of the operation is a failed outcome with its error code.
   */
  ended(outcome: WorkOutcome): void;
}

/** End of a work item. */
export interface WorkOutcome extends Outcome {
  /** Code of the error that ended it, if there was one. */
  readonly errorCode?: string;
  /** Hashes of its output; absent if they are not known. */
  readonly printed?: PrintedHashes;
  /** Number of places where a secret was masked in its output and words. */
  readonly masked?: number;
  /** True if the next run of the agent says how it ended: there is no result yet. */
  readonly isHandedOver?: boolean;
  /** Time at which it began, if that was in an earlier run of the agent; milliseconds since 1970. */
  readonly startedAt?: number;
}

/** Work that was started. */
export interface WorkHandle {
  /** Asks the operation to end: SIGTERM to its processes. */
  stop(): void;
  /** Ends its processes: SIGKILL. */
  kill(): void;
  /** Gives the work up, whatever it does; `ended` is not called any more. */
  abandon(): void;
}

/** Threads that carry out operations: protocol.md, "The two tables", so that no operation delays a Pong. */
export interface Workers {
  /** Starts work, or returns undefined if as much runs as may. */
  start(job: WorkItem, sink: WorkSink): WorkHandle | undefined;
  /** Ends the idle workers and abandons the busy ones. */
  close(): void;
}
