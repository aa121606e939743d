import type { ShareInit } from "../../../../proto/gen/piri/control/v1/control_messages.ts";
import { PiriError } from "../../../base/errors.ts";

/** Reads a share: a number as 10, or a part as 5%. Undefined if it is neither. */
export function shareOf(text: string): ShareInit | undefined {
  const percent = /^(\d{1,3}(?:\.\d{1,6})?)%$/.exec(text)?.[1];
  if (percent !== undefined && Number(percent) > 0 && Number(percent) <= 100) {
    return { share: { case: "percent", value: Number(percent) } };
  }
  return /^\d{1,9}$/.test(text) && Number(text) > 0
    ? { share: { case: "count", value: Number(text) } }
    : undefined;
}

/**
 * Reads the share of a flag.
 *
 * @throws {PiriError} INVALID_ARGUMENT
 */
export function requireShare(flag: string, text: string): ShareInit {
  const share = shareOf(text);
  if (share !== undefined) return share;
  throw new PiriError(
    "INVALID_ARGUMENT",
    `Cannot use "--${flag} ${text}": it is neither a number of agents from 1 on, as 10, nor a part of them, as 5%`,
  );
}
