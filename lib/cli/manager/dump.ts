import { OutputStream } from "../../../proto/gen/piri/control/v1/control_enums.ts";
import type { Command } from "../../../proto/gen/piri/control/v1/control_messages.ts";
import type { Terminal } from "../terminal.ts";
import type { Control } from "./services.ts";
import { hasEnded } from "./states.ts";
import type { View } from "./view.ts";

/** Pause after which the output of a running command counts as complete for now, in milliseconds. */
const QUIET_MS = 500;

/** Prints the output of a command so far. */
export async function dumpOutput(
  command: Command,
  { control, terminal, view }: {
    control: Control;
    terminal: Terminal;
    view: View;
  },
): Promise<void> {
  // A watch goes on for as long as the command does; this one ends where the command's output pauses.
  const enough = new AbortController();
  const wait = () =>
    hasEnded(command)
      ? undefined
      : terminal.clock.timer(QUIET_MS, () => enough.abort());
  let quiet = wait();
  const request = { commands: [{ commandId: command.id }] };
  try {
    const events = control.commands.watch(request, { signal: enough.signal });
    for await (const { event } of events) {
      if (event.case !== "output") continue;
      quiet?.cancel();
      const { offset, bytes, cut } = event.value;
      const stream = event.value.stream === OutputStream.STDERR
        ? "stderr"
        : "stdout";
      if (cut > 0n) {
        await view.cut(command, { stream, offset: offset - cut }, cut);
      }
      const { atMs } = event.value;
      const at = atMs === undefined ? null : Number(atMs);
      await view.output(command, { stream, offset }, bytes, at);
      quiet = wait();
    }
  } catch (error) {
    if (!enough.signal.aborted) throw error;
  } finally {
    quiet?.cancel();
  }
  await view.settle(command);
}
