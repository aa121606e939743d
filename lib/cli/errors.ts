import { type ErrorCode, messageOf, PiriError } from "../base/errors.ts";
import { type ExitCode, exitCodeOf, isErrorCode } from "./exit_code.ts";

/** The header or trailer in which the control API names the code of a PiriError. */
export const CODE_HEADER = "piri-code";

/** An error that also says what to do. */
export class HintedError extends PiriError {
  constructor(
    code: ErrorCode,
    message: string,
    readonly hint: string,
    options?: ErrorOptions,
  ) {
    super(code, message, options);
  }
}

/** An error of any kind, as a user gets to see it. */
export interface Complaint {
  readonly code: ErrorCode;
  readonly message: string;
  readonly hint?: string;
  readonly exitCode: ExitCode;
  /** Whether it is a fault in this program, so that its stack is worth showing. */
  readonly fault: boolean;
}

/** Turns an error of any kind into what a user gets to see. */
export function complaintOf(error: unknown): Complaint {
  const code = errorCodeOf(error);
  const known = error instanceof PiriError || isConnectError(error);
  return {
    code,
    message: isConnectError(error) ? connectMessage(error) : messageOf(error),
    ...(error instanceof HintedError ? { hint: error.hint } : {}),
    exitCode: exitCodeOf(code),
    fault: !known,
  };
}

/** The code of an error of any kind, also of one that came through the control API. */
export function errorCodeOf(error: unknown): ErrorCode {
  if (error instanceof PiriError) return error.code;
  if (!isConnectError(error)) return "INTERNAL";
  if (isBrokenCall(error)) return "UNAVAILABLE";
  return namedCode(error) ?? CONNECT_CODES[error.code] ?? "INTERNAL";
}

/**
 * Whether a call to the Manager ended without the Manager's word: it went away, or could not be reached.
 *
 * The Manager names the code of each of its own errors, and what came from it has no cause; what has no name, or a
 * cause, was made on this side, by the transport.
 */
export function isDisconnect(error: unknown): boolean {
  return isConnectError(error)
    ? isBrokenCall(error)
    : error instanceof PiriError && error.code === "UNAVAILABLE";
}

/** The part of a ConnectError that is looked at. By its shape, so that the agent need not carry the library. */
interface ConnectErrorLike extends Error {
  readonly code: number;
  readonly rawMessage: string;
  readonly metadata: Headers;
}

function isConnectError(error: unknown): error is ConnectErrorLike {
  return error instanceof Error && error.name === "ConnectError" &&
    "code" in error && typeof error.code === "number" &&
    "rawMessage" in error && typeof error.rawMessage === "string" &&
    "metadata" in error && error.metadata instanceof Headers;
}

/** Connect's own codes by number; those at which the transport gives up are in TRANSPORT_CODES, too. */
const CONNECT_CODES: Readonly<Record<number, ErrorCode>> = {
  1: "CANCELLED",
  3: "INVALID_ARGUMENT",
  4: "TIMED_OUT",
  5: "NOT_FOUND",
  6: "ALREADY_EXISTS",
  7: "DENIED",
  8: "BUSY",
  9: "FAILED_PRECONDITION",
  10: "FAILED_PRECONDITION",
  11: "INVALID_ARGUMENT",
  12: "UNSUPPORTED",
  13: "INTERNAL",
  14: "UNAVAILABLE",
  15: "CORRUPT",
  16: "AUTH_FAILED",
};

/**
 * canceled, unknown, invalid_argument, internal, unavailable, data_loss: how Connect reports that fetch failed, or that
 * a stream broke off (invalid_argument: "missing EndStreamResponse").
 */
const TRANSPORT_CODES: ReadonlySet<number> = new Set([1, 2, 3, 13, 14, 15]);

function isBrokenCall(error: ConnectErrorLike): boolean {
  const name = namedCode(error);
  return name === undefined
    ? TRANSPORT_CODES.has(error.code)
    : name === "UNAVAILABLE" && error.cause !== undefined;
}

function namedCode(error: ConnectErrorLike): ErrorCode | undefined {
  const word = error.metadata.get(CODE_HEADER) ?? "";
  return isErrorCode(word) ? word : undefined;
}

function connectMessage(error: ConnectErrorLike): string {
  return isBrokenCall(error) && namedCode(error) === undefined
    ? `Cannot reach the Manager: ${error.rawMessage}`
    : error.rawMessage;
}
