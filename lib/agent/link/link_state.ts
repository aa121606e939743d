import { Bye_Code } from "../../../proto/gen/piri/agent/v1/agent_messages.ts";
import type { End } from "../../wire/connection.ts";
import { byeCodeOf } from "../../wire/dialect.ts";

/** Connection to the Manager, or why there is none. */
export interface LinkState {
  readonly connected: boolean;
  /** Address of the Manager, or the reason. */
  readonly detail: string;
}

/** State after the end of a connection. */
export function stateAfter(end: End): LinkState {
  const detail = end.kind === "bye"
    ? `the Manager said "${end.bye.reason}"`
    : `the connection ended, ${end.reason}`;
  return { connected: false, detail };
}

/** True if a connection ended because the Manager stops. */
export function isShutdown(end: End): boolean {
  return end.kind === "bye" && byeCodeOf(end.bye) === Bye_Code.SHUTDOWN;
}
