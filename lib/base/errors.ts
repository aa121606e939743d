/**
 * Stable words for what went wrong. The API, the command line and the tests match on these, never on text.
 *
 * REFUSED: it was asked for and not accepted. DENIED: who asks may not. AUTH_FAILED: a secret or token is wrong.
 * NOT_STARTED: a program could not be started on the host. STALE: the hello's session is not above the highest admitted.
 * BUSY: too much is under way; later it may work. CORRUPT: a file or database is damaged or too new. DISK: the disk is
 * full or gives errors. UNSUPPORTED: this machine or build cannot do it.
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

/** One of the words above. */
export type ErrorCode = typeof ERROR_CODES[number];

/** A word that came from elsewhere, if it is one of ours. */
export function asErrorCode(word: string): ErrorCode | undefined {
  return ERROR_CODES.find((code) => code === word);
}

/** An error that another part of the fleet may see: it has a code, and says what was attempted. */
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

/** An error of a call that ended without an answer: the Manager could not be reached, or the connection to it broke. */
export class Disconnected extends PiriError {
  /** Makes an error with the code UNAVAILABLE. */
  constructor(message: string, options?: ErrorOptions) {
    super("UNAVAILABLE", message, options);
  }
}

/** The code of an error of any kind; what is not ours is INTERNAL. */
export function codeOf(error: unknown): ErrorCode {
  return error instanceof PiriError ? error.code : "INTERNAL";
}

/** The message of an error of any kind. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
