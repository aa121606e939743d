import type { Control } from "../lib/api/client.ts";
import {
  type Command,
  CommandState,
} from "../proto/gen/piri/control/v1/control_pb.ts";

/** Has agents run commands without work, and returns the commands once they are recorded. */
export async function runOn(
  control: Control,
  agents: readonly string[],
): Promise<readonly Command[]> {
  const { commands } = await control.commands.run({
    agents: [...agents],
    operation: "echo.Echo",
    params: JSON.stringify({ text: "x" }),
    requestId: crypto.randomUUID(),
    requestedBy: "bench",
  });
  return commands;
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
