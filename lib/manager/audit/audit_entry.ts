import { type Asker, LOCAL, SOCKET } from "../../base/asker.ts";
import type { Clock } from "../../base/clock.ts";
import { canonicalHash } from "../../base/statement.ts";
import type { NewAudit } from "../../store/audit_records.ts";
import type { RunRequest } from "../api/command_api.ts";

/** Longest target of an entry, in characters. Names beyond it are counted. */
const MAX_TARGET = 1_000;

/** Act of an entry in the audit. */
export interface Act {
  /** Name of the call in the control API, such as "StartJob". */
  readonly act: string;
  /** Agents, target expressions, command or job that the act is on. */
  readonly on: readonly string[];
  /** Operation of the agents, if the act has one. */
  readonly operation?: string;
  /** Things that were to be done, if the act has parameters. */
  readonly statement?: Readonly<Record<string, unknown>>;
}

/** Entry for an act that was allowed. */
export function auditEntry(
  { act, on, operation = "", statement }: Act,
  { requestedBy, saidBy = "", credential = SOCKET, origin = LOCAL }:
    & Partial<Asker>
    & Pick<Asker, "requestedBy">,
  clock: Pick<Clock, "now">,
): NewAudit {
  return {
    at: clock.now(),
    who: requestedBy,
    credential,
    origin,
    act,
    target: targetText(on),
    operation,
    decision: "allowed",
    rule: "",
    statement: statement === undefined ? null : canonicalHash(statement),
    outcome: "",
    note: saidBy,
  };
}

/** Statement of work on agents. */
export function workStatement(
  { operation, params, timeoutMs, onDisconnect, killAfterMs, survive }: Pick<
    RunRequest,
    | "operation"
    | "params"
    | "timeoutMs"
    | "onDisconnect"
    | "killAfterMs"
    | "survive"
  >,
  names: readonly string[],
): Record<string, unknown> {
  return {
    names,
    operation,
    params,
    timeoutMs,
    onDisconnect,
    killAfterMs,
    // Only where it is asked for: earlier entries of the audit have no such field.
    ...survive ? { survive } : {},
  };
}

function targetText(names: readonly string[]): string {
  const shown: string[] = [];
  let length = 0;
  for (const name of names) {
    length += name.length + 2;
    if (length > MAX_TARGET && shown.length > 0) {
      return [...shown, `and ${names.length - shown.length} more`].join(", ");
    }
    shown.push(name);
  }
  return shown.join(", ");
}
