import { asErrorCode, PiriError } from "../base/errors.ts";
import type { Store } from "./store.ts";

/** What can be asked of a store in a worker: every method of a Store. */
export type StoreMethod = Exclude<
  keyof Store,
  "managerId" | typeof Symbol.asyncDispose
>;

/** A call, as it goes to the worker. All of a turn go in one message. */
export interface StoreCall {
  readonly id: number;
  readonly method: StoreMethod | "close";
  readonly args: readonly unknown[];
}

/** What came of a call. */
export type StoreAnswer =
  | { readonly id: number; readonly value: unknown }
  | { readonly id: number; readonly failure: Failure };

/** An error, as it can be posted. */
export interface Failure {
  /** Of a PiriError; absent for an error of ours that is a bug. */
  readonly code?: string;
  readonly message: string;
}

/** What the worker says. */
export type FromWorker =
  | { readonly kind: "opened"; readonly managerId: string }
  | { readonly kind: "refused"; readonly failure: Failure }
  | { readonly kind: "answers"; readonly answers: readonly StoreAnswer[] };

/** What the worker is told. */
export type ToWorker =
  | { readonly kind: "open"; readonly path: string }
  | { readonly kind: "calls"; readonly calls: readonly StoreCall[] };

/** An error as it can be posted. */
export function toFailure(error: unknown): Failure {
  const message = error instanceof Error ? error.message : String(error);
  return error instanceof PiriError
    ? { code: error.code, message }
    : { message };
}

/** The error that was posted. */
export function fromFailure({ code, message }: Failure): Error {
  const known = code === undefined ? undefined : asErrorCode(code);
  return known === undefined
    ? new TypeError(message)
    : new PiriError(known, message);
}
