import type { Command } from "../../../proto/gen/piri/control/v1/control_pb.ts";
import { COLOUR_FLAG } from "../colour.ts";
import { defineSubcommand } from "../command.ts";
import { HintedError } from "../errors.ts";
import { CommandViewer } from "./command_viewer.ts";
import { answered, commandsText, parseId, watchLine } from "./ids.ts";
import { RetryingClient } from "./retrying_client.ts";
import type { Control, ManagerServices } from "./services.ts";

/** `watch 12`: shows a command's output from the beginning, and its result. */
export const watch = defineSubcommand({
  name: "watch",
  summary: "show the output of commands, from the start until they end",
  positionals: { id: { type: "many", summary: "ids of the commands" } },
  flags: {
    raw: { type: "boolean", summary: "print the exact bytes and nothing else" },
    color: COLOUR_FLAG,
  },
  more: [{
    title: "While it runs",
    lines: [["Ctrl-C", "stop watching; the commands go on"]],
  }],
  examples: ["12", "12 13 --json"],
  async execute(
    { positionals, flags, dir, json, terminal },
    services: ManagerServices,
  ) {
    const ids = [...new Set(positionals.id.map(parseId))];
    const commands: Command[] = [];
    {
      using control = await services.connect(dir);
      for (const id of ids) commands.push(await getCommand(control, id));
    }
    const stop = new AbortController();
    const client = new RetryingClient(() => services.connect(dir), terminal);
    const { raw, color: colour } = flags;
    const options = { terminal, json, raw, colour };
    const viewer = new CommandViewer(commands, { client, options });
    using _interrupts = terminal.onInterrupt(() => {
      const { open } = viewer.follower;
      stop.abort(
        new HintedError(
          "CANCELLED",
          `Stopped watching ${commandsText(open)}: what runs goes on`,
          watchLine(open),
        ),
      );
    });
    return await viewer.wait(stop.signal);
  },
});

/**
 * Fetches a command by its id.
 *
 * @throws NOT_FOUND
 */
export async function getCommand(
  control: Control,
  id: bigint,
): Promise<Command> {
  const { command } = await control.commands.getCommand({ commandId: id });
  return answered(command, `show command ${id}`);
}
