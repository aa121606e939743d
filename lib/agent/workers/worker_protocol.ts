import type {
  ProcessIdentity,
  StreamName,
} from "../../operations/operation.ts";
import type { WorkItem, WorkOutcome } from "./workers.ts";

/** How many pieces of output may be on their way that nobody has taken yet. */
export const UNTAKEN_PIECES = 4;

/** What the pool says to a worker. One job at a time. */
export type ToWorker =
  | {
    readonly kind: "job";
    readonly job: WorkItem;
    readonly allowTestOperations: boolean;
    /** See OperationContext; undefined if another running command has the same. */
    readonly timerSlack: number | undefined;
    /** A 32-bit number: not 0 once the job is to end. */
    readonly stopFlag: SharedArrayBuffer;
  }
  | { readonly kind: "stop" | "kill" }
  /** So many pieces of output were taken. */
  | { readonly kind: "taken"; readonly count: number }
  | {
    readonly kind: "answer";
    readonly request: number;
    readonly answer:
      | { readonly value: string | Uint8Array }
      | { readonly code: string; readonly message: string };
  };

/** What a worker says to the pool. */
export type FromWorker =
  | { readonly kind: "started"; readonly identity: ProcessIdentity }
  | {
    readonly kind: "output";
    readonly stream: StreamName;
    /** Transferred. */
    readonly bytes: Uint8Array<ArrayBuffer>;
  }
  | {
    readonly kind: "progress";
    readonly current: number;
    readonly total: number;
    readonly message: string;
  }
  | {
    readonly kind: "request";
    /** Unique in the worker's life. */
    readonly request: number;
    readonly type: string;
    readonly params: string;
  }
  /** The last of a job; all output was taken. The worker is idle. */
  | { readonly kind: "ended"; readonly outcome: WorkOutcome };
