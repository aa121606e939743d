import type { ErrorCode } from "../base/errors.ts";

/** Exit codes. Scripts depend on these numbers: add, never renumber. */
export const ExitCode = {
  /** Everything succeeded. */
  ok: 0,
  /** A command failed, or something else went wrong. */
  failed: 1,
  /** The arguments are wrong. */
  usage: 2,
  /** The Manager or an agent cannot be reached: not at the time, or not before the end of a queue. */
  unavailable: 3,
  /** The request was denied or refused. */
  refused: 4,
  /** No agent, command, job or operation has that name. */
  notFound: 5,
  timedOut: 6,
  /** Cancelled, or skipped because its job ended first. */
  cancelled: 7,
  /** The end of a command is unknown. */
  lost: 8,
  /** A job was stopped by its limit of failures. */
  stopped: 9,
  /** Something would change, or cannot be told, with `--exit-code` of `plan` and `drift`. */
  wouldChange: 10,
  /** The wait was ended, and what runs goes on. As a shell counts Ctrl-C. */
  left: 130,
} as const;

export type ExitCode = typeof ExitCode[keyof typeof ExitCode];

/** Meaning of each exit code, for `--help`. */
export const EXIT_CODE_HELP: readonly (readonly [string, string])[] = [
  ["0", "everything succeeded"],
  ["1", "a command failed, or any other error"],
  ["2", "wrong arguments or parameters"],
  ["3", "the Manager or an agent cannot be reached"],
  ["4", "denied or refused"],
  ["5", "no agent, command, job or operation of that name"],
  ["6", "timed out, or the deadline of a job"],
  ["7", "cancelled or skipped"],
  ["8", "lost: nobody can say how a command ended"],
  ["9", "a job was stopped by its limit of failures, or by a canary"],
  ["10", "--exit-code: something would change, or cannot be told"],
  ["130", "stopped waiting or watching: what runs goes on"],
];

/** Exit code of `run --exit-code` for every end that is not a program's. As ssh has it. */
export const NO_PROGRAM_CODE = 255;

const EXIT_CODES: Readonly<Record<ErrorCode, ExitCode>> = {
  INVALID_ARGUMENT: ExitCode.usage,
  NOT_FOUND: ExitCode.notFound,
  ALREADY_EXISTS: ExitCode.failed,
  FAILED_PRECONDITION: ExitCode.failed,
  DENIED: ExitCode.refused,
  AUTH_FAILED: ExitCode.refused,
  REFUSED: ExitCode.refused,
  BUSY: ExitCode.refused,
  UNAVAILABLE: ExitCode.unavailable,
  TIMED_OUT: ExitCode.timedOut,
  CANCELLED: ExitCode.cancelled,
  NOT_STARTED: ExitCode.failed,
  PROTOCOL_VIOLATION: ExitCode.failed,
  STALE: ExitCode.failed,
  UNSUPPORTED: ExitCode.failed,
  CORRUPT: ExitCode.failed,
  DISK: ExitCode.failed,
  INTERNAL: ExitCode.failed,
};

/** The exit code for an error with this code. */
export function exitCodeOf(code: ErrorCode): ExitCode {
  return EXIT_CODES[code];
}

/** Order in which the exit code for several commands is chosen: the first that applies. */
export const PRECEDENCE: readonly ExitCode[] = [
  ExitCode.lost,
  ExitCode.stopped,
  ExitCode.timedOut,
  ExitCode.refused,
  ExitCode.cancelled,
  ExitCode.unavailable,
  ExitCode.notFound,
  ExitCode.usage,
  ExitCode.failed,
];

/** The one exit code for several commands. */
export function worst(codes: Iterable<ExitCode>): ExitCode {
  const all = new Set(codes);
  return PRECEDENCE.find((code) => all.has(code)) ?? ExitCode.ok;
}
