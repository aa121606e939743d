import type { Control } from "../lib/api/client.ts";
import {
  type Command,
  CommandState,
  RunAnswer,
} from "../proto/gen/piri/control/v1/control_messages.ts";

/** Has agents run commands without work, and returns the commands once they are recorded. */
export async function runOn(
  control: Control,
  agents: readonly string[],
): Promise<readonly Command[]> {
  return (await control.commands.run(noOpOn(agents))).commands;
}

/** Does the same, and returns only the ids of the commands. */
export async function startOn(
  control: Control,
  agents: readonly string[],
): Promise<readonly bigint[]> {
  const answer = RunAnswer.IDS;
  return (await control.commands.run({ ...noOpOn(agents), answer })).commandIds;
}

function noOpOn(agents: readonly string[]) {
  return {
    agents: [...agents],
    operation: "echo.Echo",
    params: JSON.stringify({ text: "x" }),
    requestId: crypto.randomUUID(),
    requestedBy: "bench",
  };
}

/** Follows commands as `piri-manager run` does, and returns the last state of each. */
export async function watchAll(
  control: Control,
  commands: readonly Command[],
): Promise<readonly Command[]> {
  const last = new Map<bigint, Command>();
  const watched = control.commands.watch({
    commands: commands.map(({ id: commandId }) => ({ commandId })),
  });
  for await (const { event } of watched) {
    if (event.case === "command") last.set(event.value.id, event.value);
  }
  return [...last.values()];
}

/** Number of commands that succeeded. */
export function succeeded(commands: readonly Command[]): number {
  return commands
    .filter(({ state }) => state === CommandState.SUCCEEDED).length;
}
