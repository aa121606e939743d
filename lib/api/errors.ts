import { Code, ConnectError } from "@connectrpc/connect";
import { type ErrorCode, PiriError } from "../base/errors.ts";

/** The header, or the trailer of a stream, that carries the PiriError's code of an error. */
export const CODE_HEADER = "piri-code";

/** What each code is for clients that know Connect only. */
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

/** What an error without our header is: one that Connect itself made, on either side. */
const piriCodes: Readonly<Record<Code, ErrorCode>> = {
  [Code.Canceled]: "CANCELLED",
  [Code.Unknown]: "INTERNAL",
  [Code.InvalidArgument]: "INVALID_ARGUMENT",
  [Code.DeadlineExceeded]: "TIMED_OUT",
  [Code.NotFound]: "NOT_FOUND",
  [Code.AlreadyExists]: "ALREADY_EXISTS",
  [Code.PermissionDenied]: "DENIED",
  [Code.ResourceExhausted]: "BUSY",
  [Code.FailedPrecondition]: "FAILED_PRECONDITION",
  [Code.Aborted]: "REFUSED",
  [Code.OutOfRange]: "INVALID_ARGUMENT",
  [Code.Unimplemented]: "UNSUPPORTED",
  [Code.Internal]: "INTERNAL",
  [Code.Unavailable]: "UNAVAILABLE",
  [Code.DataLoss]: "CORRUPT",
  [Code.Unauthenticated]: "AUTH_FAILED",
};

/** The error as it goes to a client. */
export function toConnectError(error: PiriError): ConnectError {
  return new ConnectError(
    error.message,
    connectCodes[error.code],
    { [CODE_HEADER]: error.code },
    undefined,
    error.cause,
  );
}

/** What a client of the control API caught, as the PiriError that the Manager threw or would have thrown. */
export function toPiriError(error: unknown): PiriError {
  if (error instanceof PiriError) return error;
  const { code, metadata, rawMessage } = ConnectError.from(error);
  const named = metadata.get(CODE_HEADER);
  return new PiriError(
    isErrorCode(named) ? named : piriCodes[code],
    rawMessage,
    { cause: error },
  );
}

function isErrorCode(word: string | null): word is ErrorCode {
  return word !== null && Object.hasOwn(connectCodes, word);
}
