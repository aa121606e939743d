import type {
  Outcome,
  ProcessIdentity,
  StreamName,
} from "../../operations/operation.ts";

/** One command, as a worker gets it. */
export interface WorkItem {
  readonly commandId: bigint;
  readonly operation: string;
  /** A JSON object, as it came. */
  readonly params: string;
  /** See OperationContext. */
  readonly marker: string;
}

/** What a worker asks of whoever started the job. Calls come in the order in which the operation made them. */
export interface WorkSink {
  started(identity: ProcessIdentity): void;
  /** The worker goes on reading once this has resolved: that is how a slow Manager slows the program. */
  output(stream: StreamName, bytes: Uint8Array<ArrayBuffer>): Promise<void>;
  progress(current: number, total: number, message: string): void;
  /** Rejects with a PiriError, whose code and message reach the operation. */
  request(type: string, params: string): Promise<string | Uint8Array>;
  /** Called once, last, after all output was taken. What an operation throws is a failed outcome with its error code. */
  ended(outcome: WorkOutcome): void;
}

/** How a job ended. */
export interface WorkOutcome extends Outcome {
  /** The code of the error that ended it, if one did. */
  readonly errorCode?: string;
}

/** A job that was started. */
export interface WorkHandle {
  /** Asks the operation to end: SIGTERM to its processes. */
  stop(): void;
  /** Ends its processes: SIGKILL. */
  kill(): void;
  /** Gives the worker up, whatever it does; `ended` is not called any more. */
  abandon(): void;
}

/** Threads that carry out operations, a command each: protocol.md section 3, so that none delays a Pong. */
export interface Workers {
  /** Starts a job, or returns undefined when as many as allowed are busy. */
  start(job: WorkItem, sink: WorkSink): WorkHandle | undefined;
  /** Ends the idle ones; the busy ones are abandoned. */
  close(): void;
}
