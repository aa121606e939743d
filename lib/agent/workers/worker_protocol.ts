import type {
  ProcessIdentity,
  StreamName,
} from "../../operations/operation.ts";
import type { Surroundings } from "../../operations/surroundings.ts";
import type { WorkItem, WorkOutcome } from "./workers.ts";

/** Limit of output pieces under way that are not taken yet. */
export const MAX_UNTAKEN_PIECES = 4;

/** Numbers in the memory that a work item shares with its worker; each is 0 at first. */
export const SharedNumber = {
  /** Sign that the work must end: any number but 0. */
  stop: 0,
  /** `Begun` of the work. */
  begun: 1,
} as const;

/** Size of that memory. */
export const SHARED_BYTES = 8;

/** Beginning of a work item. It leaves `no` once, by the worker or by the pool, and stays as it is then. */
export const Begun = { no: 0, yes: 1, withdrawn: 2 } as const;

/** Message from the pool to a worker. */
export type ToWorker =
  | {
    readonly kind: "job";
    /** Number of the work item, unique in the worker's life. All other messages about it carry it. */
    readonly item: number;
    readonly job: WorkItem;
    readonly allowTestOperations: boolean;
    readonly surroundings: Surroundings;
    /** See OperationContext; undefined if another running command has the same. */
    readonly timerSlack: number | undefined;
    /** See SharedNumber. */
    readonly shared: SharedArrayBuffer;
  }
  | { readonly kind: "stop" | "kill"; readonly item: number }
  /** Receipt for this many pieces of output. */
  | { readonly kind: "taken"; readonly item: number; readonly count: number }
  /** Answers to the requests of one message, in their order. */
  | {
    readonly kind: "answers";
    readonly item: number;
    readonly answers: readonly Answer[];
  };

/** Answer to a request. Its bytes are transferred. */
export type Answer =
  & { readonly request: number }
  & (
    | { readonly value: string | Uint8Array }
    | { readonly code: string; readonly message: string }
  );

/** Request for data of the Manager. */
export interface WorkRequest {
  /** Number that is unique in the work item. */
  readonly request: number;
  readonly type: string;
  readonly params: string;
}

/** Message from a worker to the pool about a work item. */
export type FromWork =
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
  /** Requests that are answered together: one message for many pieces, since each wakes the other thread. */
  | { readonly kind: "requests"; readonly requests: readonly WorkRequest[] }
  /** Last message of a work item, after all output was taken. */
  | { readonly kind: "ended"; readonly outcome: WorkOutcome };

/** Message from a worker to the pool. */
export type FromWorker =
  /** First message of a worker, once its modules are loaded. */
  | { readonly kind: "ready" }
  | (FromWork & { readonly item: number });
