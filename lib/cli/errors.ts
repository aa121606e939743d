import {
  codeOf,
  type ErrorCode,
  messageOf,
  PiriError,
} from "../base/errors.ts";
import { exitCodeOf } from "./exit_code.ts";

/** An error with a hint what to do about it. */
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

/** An error that ends the program with another exit code than that of its own code. */
export class ExitError extends Error {
  constructor(override readonly cause: unknown, readonly exitCode: number) {
    super(messageOf(cause), { cause });
  }
}

/** An error as the user sees it. */
export interface Complaint {
  readonly code: ErrorCode;
  readonly message: string;
  readonly hint?: string;
  readonly exitCode: number;
  /** True for a fault in this program, whose stack is worth showing. */
  readonly fault: boolean;
}

/** Describes an error of any kind to the user. */
export function complaintOf(error: unknown): Complaint {
  if (error instanceof ExitError) {
    return { ...complaintOf(error.cause), exitCode: error.exitCode };
  }
  const code = codeOf(error);
  return {
    code,
    message: messageOf(error),
    ...(error instanceof HintedError ? { hint: error.hint } : {}),
    exitCode: exitCodeOf(code),
    fault: !(error instanceof PiriError),
  };
}
