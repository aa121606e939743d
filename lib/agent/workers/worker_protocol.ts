import type {
  ProcessIdentity,
  StreamName,
} from "../../operations/operation.ts";
import type { Surroundings } from "../../operations/surroundings.ts";
import type { WorkItem, WorkOutcome } from "./workers.ts";

/** Limit of output pieces under way that are not taken yet. */
export const MAX_UNTAKEN_PIECES = 4;

/** Message from the pool to a worker. A worker has one work item at a time. */
export type ToWorker =
  | {
    readonly kind: "job";
    readonly job: WorkItem;
    readonly allowTestOperations: boolean;
    readonly surroundings: Surroundings;
    /** See OperationContext; undefined if another running command has the same. */
    readonly timerSlack: number | undefined;
    /** 32-bit number that is not 0 once the work must end. */
    readonly stopFlag: SharedArrayBuffer;
  }
  | { readonly kind: "stop" | "kill" }
  /** This many pieces of output were taken. */
  | { readonly kind: "taken"; readonly count: number }
  | {
    readonly kind: "answer";
    readonly request: number;
    readonly answer:
      | { readonly value: string | Uint8Array }
      | { readonly code: string; readonly message: string };
  };

/** Message from a worker to the pool. */
export type FromWorker =
  | { readonly kind: "shield"; readonly isOn: boolean }
  | { readonly kind: "started"; readonly identity: ProcessIdentity }
  | {
    readonly kind: "output";
    readonly stream: StreamName;
    /** Transferred. */
    readonly bytes: Uint8Array<ArrayBuffer>;
    /** Place in the stream; at its end if absent. */
    readonly offset?: number | undefined;
  }
  | {
    readonly kind: "progress";
    readonly current: number;
    readonly total: number;
    readonly message: string;
  }
  | {
    readonly kind: "request";
    /** Number that is unique in the worker's life. */
    readonly request: number;
    readonly type: string;
    readonly params: string;
  }
  /** Last message of a work item, after all output was taken. The worker is idle. */
  | { readonly kind: "ended"; readonly outcome: WorkOutcome };
