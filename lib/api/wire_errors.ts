import {
  asErrorCode,
  Disconnected,
  type ErrorCode,
  PiriError,
} from "../base/errors.ts";

/** Header, or trailer of a stream, with the code of a PiriError. */
export const CODE_HEADER = "piri-code";

/** Code of an error in the protocol of Connect: connectrpc.com/docs/protocol#error-codes */
export type WireCode =
  | "aborted"
  | "already_exists"
  | "canceled"
  | "data_loss"
  | "deadline_exceeded"
  | "failed_precondition"
  | "internal"
  | "invalid_argument"
  | "not_found"
  | "out_of_range"
  | "permission_denied"
  | "resource_exhausted"
  | "unauthenticated"
  | "unavailable"
  | "unimplemented"
  | "unknown";

/**
 * Codes of the API, in both directions: the code of Connect for each of ours. An error that names no code of ours means
 * the first one with its code of Connect.
 */
export const WIRE_CODES: Readonly<Record<ErrorCode, WireCode>> = {
  INVALID_ARGUMENT: "invalid_argument",
  NOT_FOUND: "not_found",
  ALREADY_EXISTS: "already_exists",
  FAILED_PRECONDITION: "failed_precondition",
  DENIED: "permission_denied",
  AUTH_FAILED: "unauthenticated",
  REFUSED: "aborted",
  BUSY: "resource_exhausted",
  UNAVAILABLE: "unavailable",
  TIMED_OUT: "deadline_exceeded",
  CANCELLED: "canceled",
  NOT_STARTED: "failed_precondition",
  PROTOCOL_VIOLATION: "internal",
  STALE: "aborted",
  UNSUPPORTED: "unimplemented",
  CORRUPT: "data_loss",
  DISK: "internal",
  INTERNAL: "internal",
};

/** Codes with which Connect reports that a request failed on its way. */
const BROKEN_CALL: ReadonlySet<string> = new Set<WireCode>([
  "unknown",
  "invalid_argument",
  "internal",
  "unavailable",
  "data_loss",
]);

/** An error as it comes over the wire. */
export interface WireError {
  /** Code of Connect. */
  readonly code: string;
  readonly message: string;
  /** Value of CODE_HEADER; empty if there is none. */
  readonly piriCode: string;
}

/**
 * Makes the error of an answer: the PiriError that the Manager threw, or a Disconnected if the call broke.
 *
 * The Manager names the code of each of its own errors. An error without a code was made by a library, or on the way.
 * The cause of the error is what came.
 */
export function fromWire(wire: WireError): PiriError {
  const { code, message, piriCode } = wire;
  const named = asErrorCode(piriCode);
  const options = { cause: wire };
  if (named !== undefined) return new PiriError(named, message, options);
  return BROKEN_CALL.has(code)
    ? new Disconnected(`Cannot reach the Manager: ${message}`, options)
    : new PiriError(nearestCode(code), message, options);
}

function nearestCode(code: string): ErrorCode {
  if (code === "out_of_range") return "INVALID_ARGUMENT";
  const [nearest = "INTERNAL"] = Object.entries(WIRE_CODES)
    .find(([, wire]) => wire === code) ?? [];
  return asErrorCode(nearest) ?? "INTERNAL";
}

/**
 * Reads the error of an answer that is JSON. `headers` may name the code of a PiriError, the first one first.
 * `status` is that of HTTP: it counts if the JSON is not an error.
 */
export function readError(
  json: unknown,
  headers: readonly Headers[],
  status: number,
): PiriError {
  const fields: object = typeof json === "object" && json !== null ? json : {};
  const { code, message } = { code: undefined, message: "", ...fields };
  const piriCode = headers.map((header) => header.get(CODE_HEADER))
    .find((value) => value !== null) ?? "";
  return fromWire(
    typeof code === "string" && typeof message === "string"
      ? { code, message, piriCode }
      : { code: codeOfStatus(status), message: `HTTP ${status}`, piriCode },
  );
}

/** Code that a status of HTTP stands for: connectrpc.com/docs/protocol#http-to-error-code */
function codeOfStatus(status: number): WireCode {
  switch (status) {
    case 400:
      return "internal";
    case 401:
      return "unauthenticated";
    case 403:
      return "permission_denied";
    case 404:
      return "unimplemented";
    case 429:
    case 502:
    case 503:
    case 504:
      return "unavailable";
    default:
      return "unknown";
  }
}
