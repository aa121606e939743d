import {
  codeOf,
  type ErrorCode,
  messageOf,
  PiriError,
} from "../base/errors.ts";
import { type ExitCode, exitCodeOf } from "./exit_code.ts";

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

/** An error as the user sees it. */
export interface Complaint {
  readonly code: ErrorCode;
  readonly message: string;
  readonly hint?: string;
  readonly exitCode: ExitCode;
  /** True for a fault in this program, whose stack is worth showing. */
  readonly fault: boolean;
}

/** Describes an error of any kind to the user. */
export function complaintOf(error: unknown): Complaint {
  const code = codeOf(error);
  return {
    code,
    message: messageOf(error),
    ...(error instanceof HintedError ? { hint: error.hint } : {}),
    exitCode: exitCodeOf(code),
    fault: !(error instanceof PiriError),
  };
}
