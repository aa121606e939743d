/** Stable words for what went wrong. The API, the command line and the tests match on these, never on text. */
export type ErrorCode =
  /** What was asked for makes no sense, whatever the state of things. */
  | "INVALID_ARGUMENT"
  /** There is no agent, command, operation or file of that name. */
  | "NOT_FOUND"
  /** There is one of that name already. */
  | "ALREADY_EXISTS"
  /** Things are not as they would have to be first. */
  | "FAILED_PRECONDITION"
  /** Who asks may not. */
  | "DENIED"
  /** A secret or token is wrong. */
  | "AUTH_FAILED"
  /** It was asked for and not accepted. */
  | "REFUSED"
  /** Too much is under way; later it may work. */
  | "BUSY"
  /** The other side cannot be reached. */
  | "UNAVAILABLE"
  | "TIMED_OUT"
  | "CANCELLED"
  /** A program could not be started on the host. */
  | "NOT_STARTED"
  /** The peer broke the protocol. */
  | "PROTOCOL_VIOLATION"
  /** The hello's session is not above the highest admitted. */
  | "STALE"
  /** This machine cannot do it. */
  | "UNSUPPORTED"
  /** A file or database is damaged or too new. */
  | "CORRUPT"
  /** The disk is full or gives errors. */
  | "DISK"
  | "INTERNAL";

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

/** The code of an error of any kind; what is not ours is INTERNAL. */
export function codeOf(error: unknown): ErrorCode {
  return error instanceof PiriError ? error.code : "INTERNAL";
}

/** The message of an error of any kind. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
