import { asErrorCode, PiriError } from "../base/errors.ts";
import type { StoredIdentity } from "./identity.ts";
import type { CommandPatch } from "./records.ts";
import type { Store } from "./store.ts";

/** Method of a Store that a worker can be asked for. */
export type StoreMethod = Exclude<
  keyof Store,
  "managerId" | typeof Symbol.asyncDispose
>;

/** Call as it is sent to the worker. All calls of a turn are sent in one message. */
export interface StoreCall {
  readonly id: number;
  readonly method: StoreMethod | "close";
  readonly args: readonly unknown[];
}

/** Patches that follow each other and change the same fields, as they are sent: names and common values only once. */
export interface PackedPatches {
  /** Ids of the calls. */
  readonly ids: readonly number[];
  readonly first: CommandPatch;
  /** Fields that are not the same in all. */
  readonly own: readonly string[];
  /** Values of these fields, call by call. */
  readonly cells: readonly unknown[];
}

/** Answer to a call. */
export type StoreAnswer =
  | { readonly id: number; readonly value: unknown }
  | { readonly id: number; readonly failure: Failure };

/** Error as it can be sent between threads. */
export interface Failure {
  /** Code of a PiriError; absent for an error that is a bug of ours. */
  readonly code?: string;
  readonly message: string;
}

/** Message from the worker. */
export type FromWorker =
  /** The database is copied, and its schema changed: that takes as long as its size demands. */
  | { readonly kind: "upgrading" }
  | {
    readonly kind: "opened";
    readonly managerId: string;
    /** Copy of the database from before this version changed its schema, if there is a new one. */
    readonly copy: string | undefined;
  }
  | { readonly kind: "refused"; readonly failure: Failure }
  | {
    readonly kind: "answers";
    readonly answers: readonly StoreAnswer[];
    /** Buffers of output that is stored. */
    readonly buffers: readonly ArrayBuffer[];
  };

/** Request to open a database. */
export interface OpenRequest {
  readonly kind: "open";
  readonly path: string;
  /** Content of a new database. */
  readonly identity?: StoredIdentity | undefined;
  /** Version of the schema of a copy that stays. */
  readonly keepCopy?: number | undefined;
}

/** Message to the worker. */
export type ToWorker =
  | OpenRequest
  | {
    readonly kind: "calls";
    readonly calls: readonly (StoreCall | PackedPatches)[];
  };

/** Turns an error into one that can be sent between threads. */
export function toFailure(error: unknown): Failure {
  const message = error instanceof Error ? error.message : String(error);
  return error instanceof PiriError
    ? { code: error.code, message }
    : { message };
}

/** Restores an error that was sent. */
export function fromFailure({ code, message }: Failure): Error {
  const known = code === undefined ? undefined : asErrorCode(code);
  return known === undefined
    ? new TypeError(message)
    : new PiriError(known, message);
}
