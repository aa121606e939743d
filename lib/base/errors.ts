/**
 * Code of an error. The API, the command line and the tests match on codes, never on text.
 *
 * REFUSED: an agent did not accept a request. DENIED: this user or peer may not. AUTH_FAILED: a secret or token is wrong.
 * NOT_STARTED: a program could not be started on the host. STALE: the session of a hello is not above the highest one
 * that was admitted. BUSY: too much is under way; a later attempt may succeed. CORRUPT: a file or database is damaged or
 * too new. DISK: the disk is full or fails. UNSUPPORTED: this machine or build cannot do it.
 */
export type ErrorCode =
  | "INVALID_ARGUMENT"
  | "NOT_FOUND"
  | "ALREADY_EXISTS"
  | "FAILED_PRECONDITION"
  | "DENIED"
  | "AUTH_FAILED"
  | "REFUSED"
  | "BUSY"
  | "UNAVAILABLE"
  | "TIMED_OUT"
  | "CANCELLED"
  | "NOT_STARTED"
  | "PROTOCOL_VIOLATION"
  | "STALE"
  | "UNSUPPORTED"
  | "CORRUPT"
  | "DISK"
  | "INTERNAL";

const ERROR_CODES: Readonly<Record<ErrorCode, true>> = {
  INVALID_ARGUMENT: true,
  NOT_FOUND: true,
  ALREADY_EXISTS: true,
  FAILED_PRECONDITION: true,
  DENIED: true,
  AUTH_FAILED: true,
  REFUSED: true,
  BUSY: true,
  UNAVAILABLE: true,
  TIMED_OUT: true,
  CANCELLED: true,
  NOT_STARTED: true,
  PROTOCOL_VIOLATION: true,
  STALE: true,
  UNSUPPORTED: true,
  CORRUPT: true,
  DISK: true,
  INTERNAL: true,
};

/** Recognizes a code that came from elsewhere; undefined for any other word. */
export function asErrorCode(word: string): ErrorCode | undefined {
  return Object.hasOwn(ERROR_CODES, word) ? word as ErrorCode : undefined;
}

/**
 * An error with a code. Its message reads "Cannot <attempt>: <fact>".
 *
 * @example Match on the code
 * ```ts
 * try {
 *   await control.agents.removeAgent({ id: "web-1" });
 * } catch (error) {
 *   if (!(error instanceof PiriError) || error.code !== "NOT_FOUND") throw error;
 * }
 * ```
 */
export class PiriError extends Error {
  /** Always "PiriError", for subclasses too. */
  override readonly name = "PiriError";

  /**
   * Makes an error.
   *
   * @param code The kind of failure, to match on.
   * @param message A text for people: attempt and fact, without a period.
   * @param options The cause, if there is one.
   */
  constructor(
    /** The kind of failure, to match on. */
    readonly code: ErrorCode,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/**
 * An error of a call that ended without the Manager's answer: it could not be reached, or the connection broke. The call
 * may have taken effect. An agent that is not connected is a PiriError with the same code, but no Disconnected.
 */
export class Disconnected extends PiriError {
  /**
   * Makes an error with the code UNAVAILABLE.
   *
   * @param message A text for people: attempt and fact, without a period.
   * @param options The cause, if there is one.
   */
  constructor(message: string, options?: ErrorOptions) {
    super("UNAVAILABLE", message, options);
  }
}

/** The code of an error of any kind; what is not ours is INTERNAL. */
export function codeOf(error: unknown): ErrorCode {
  return error instanceof PiriError ? error.code : "INTERNAL";
}

/** Message of any error. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
