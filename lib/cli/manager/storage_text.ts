import type {
  StorageState,
  WriteFailure,
} from "../../../proto/gen/piri/control/v1/control_messages.ts";
import { localTime } from "../time.ts";

/** Sentence about a database that cannot be written. */
export function cannotWriteText({ sinceMs, reason }: WriteFailure): string {
  return `the Manager cannot write its database since ${
    localTime(Number(sinceMs))
  }: ${reason}`;
}

/** Sentence about a database that cannot be written, or can be again. */
export function storageText({ failure }: StorageState): string {
  return failure === undefined
    ? "the Manager can write its database again"
    : cannotWriteText(failure);
}
