import { OnDisconnect } from "../../../proto/gen/piri/control/v1/control_enums.ts";
import type { Command } from "../../../proto/gen/piri/control/v1/control_messages.ts";
import type { Terminal } from "../terminal.ts";
import type { Call } from "./retrying_client.ts";
import { signatureOf } from "./signature.ts";

/** Operation to start. */
export interface Starting {
  /** Agents, as a user names them. */
  readonly expression: readonly string[];
  readonly operation: string;
  readonly params: Readonly<Record<string, unknown>>;
  /** Time after which agents end it, in milliseconds; none if absent. */
  readonly timeoutMs?: number | undefined;
}

/** Makes the call that starts an operation on agents: one command for each. It can be repeated, and starts nothing twice. */
export function startOn(
  { expression, operation, params, timeoutMs }: Starting,
  terminal: Terminal,
): Call<readonly Command[]> {
  const request = {
    agents: [...expression],
    operation,
    params: JSON.stringify(params),
    onDisconnect: OnDisconnect.CONTINUE,
    ...timeoutMs === undefined ? {} : { timeoutMs },
    ...signatureOf(terminal),
  };
  return async (control, { signal }) =>
    (await control.commands.run(request, { signal })).commands;
}
