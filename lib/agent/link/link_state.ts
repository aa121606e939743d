import type { End } from "../../wire/connection.ts";

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
