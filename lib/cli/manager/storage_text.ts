import type { WriteFailure } from "../../../proto/gen/piri/control/v1/control_pb.ts";
import { localTime } from "../time.ts";

/** Sentence about a database that cannot be written. */
export function cannotWriteText({ sinceMs, reason }: WriteFailure): string {
  return `the Manager cannot write its database since ${
    localTime(Number(sinceMs))
  }: ${reason}`;
}
