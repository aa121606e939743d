import { Code, ConnectError } from "@connectrpc/connect";
import {
  asErrorCode,
  Disconnected,
  type ErrorCode,
  messageOf,
  PiriError,
} from "../base/errors.ts";

/** Header, or trailer of a stream, with the code of a PiriError. */
export const CODE_HEADER = "piri-code";

/**
 * Codes of the API, in both directions: the code of Connect for each of ours. An error that names no code of ours means
 * the first one with its code of Connect.
 */
const connectCodes: Readonly<Record<ErrorCode, Code>> = {
  INVALID_ARGUMENT: Code.InvalidArgument,
  NOT_FOUND: Code.NotFound,
  ALREADY_EXISTS: Code.AlreadyExists,
  FAILED_PRECONDITION: Code.FailedPrecondition,
  DENIED: Code.PermissionDenied,
  AUTH_FAILED: Code.Unauthenticated,
  REFUSED: Code.Aborted,
  BUSY: Code.ResourceExhausted,
  UNAVAILABLE: Code.Unavailable,
  TIMED_OUT: Code.DeadlineExceeded,
  CANCELLED: Code.Canceled,
  NOT_STARTED: Code.FailedPrecondition,
  PROTOCOL_VIOLATION: Code.Internal,
  STALE: Code.Aborted,
  UNSUPPORTED: Code.Unimplemented,
  CORRUPT: Code.DataLoss,
  DISK: Code.Internal,
  INTERNAL: Code.Internal,
};

/**
 * Codes with which Connect reports that a request failed on its way, or that a stream broke off (InvalidArgument:
 * "missing EndStreamResponse").
 */
const brokenCallCodes: ReadonlySet<Code> = new Set([
  Code.Unknown,
  Code.InvalidArgument,
  Code.Internal,
  Code.Unavailable,
  Code.DataLoss,
]);

/** The error in the form that goes to a client. */
export function toConnectError(error: PiriError): ConnectError {
  return new ConnectError(
    error.message,
    connectCodes[error.code],
    { [CODE_HEADER]: error.code },
    undefined,
    error,
  );
}

/**
 * Translates an error of a Connect client: to the PiriError that the Manager or this side threw, or to a Disconnected
 * if the call broke.
 *
 * The Manager names the code of each of its own errors. An error without a code was made by Connect, on either side.
 */
export function toPiriError(error: unknown): PiriError {
  if (error instanceof PiriError) return error;
  if (!(error instanceof ConnectError)) {
    return new PiriError("INTERNAL", messageOf(error), { cause: error });
  }
  const { code, metadata, rawMessage, cause } = error;
  if (cause instanceof PiriError) return cause;
  const named = asErrorCode(metadata.get(CODE_HEADER) ?? "");
  if (named === undefined && brokenCallCodes.has(code)) {
    return new Disconnected(`Cannot reach the Manager: ${rawMessage}`, {
      cause: error,
    });
  }
  return new PiriError(named ?? nearestCode(code), rawMessage, {
    cause: error,
  });
}

function nearestCode(code: Code): ErrorCode {
  if (code === Code.OutOfRange) return "INVALID_ARGUMENT";
  const [nearest = "INTERNAL"] = Object.entries(connectCodes)
    .find(([, connect]) => connect === code) ?? [];
  return asErrorCode(nearest) ?? "INTERNAL";
}
