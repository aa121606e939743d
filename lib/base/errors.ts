/**
 * Error codes. They are stable: the API, the command line and the tests match on codes and never on text.
 *
 * REFUSED: the request was not accepted. DENIED: the caller lacks the right. AUTH_FAILED: a secret or token is wrong.
 * NOT_STARTED: a program could not be started on the host. STALE: the hello's session is not above the highest admitted
 * one. BUSY: too much is under way; a retry may work. CORRUPT: a file or database is damaged, or of a newer version.
 * DISK: the disk is full or gives errors. UNSUPPORTED: this machine or build cannot do it.
 */
const ERROR_CODES = [
  "INVALID_ARGUMENT",
  "NOT_FOUND",
  "ALREADY_EXISTS",
  "FAILED_PRECONDITION",
  "DENIED",
  "AUTH_FAILED",
  "REFUSED",
  "BUSY",
  "UNAVAILABLE",
  "TIMED_OUT",
  "CANCELLED",
  "NOT_STARTED",
  "PROTOCOL_VIOLATION",
  "STALE",
  "UNSUPPORTED",
  "CORRUPT",
  "DISK",
  "INTERNAL",
] as const;

/** Code of an error. */
export type ErrorCode = typeof ERROR_CODES[number];

/** The error code that a word from outside stands for, if there is one. */
export function asErrorCode(word: string): ErrorCode | undefined {
  return ERROR_CODES.find((code) => code === word);
}

/** Error that other parts of the fleet may see. It has a code and names the attempt that failed. */
export class PiriError extends Error {
  override readonly name = "PiriError";

  constructor(
    readonly code: ErrorCode,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** Code of any error; INTERNAL for errors that are not a PiriError. */
export function codeOf(error: unknown): ErrorCode {
  return error instanceof PiriError ? error.code : "INTERNAL";
}

/** Message of any error. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
