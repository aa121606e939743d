import type { Command } from "../../../proto/gen/piri/control/v1/control_pb.ts";
import { COLOUR_FLAG } from "../colour.ts";
import { defineSubcommand } from "../command.ts";
import { ExitError, HintedError } from "../errors.ts";
import { ExitCode } from "../exit_code.ts";
import { OutputLost, STOP_SIGNALS } from "../terminal.ts";
import { CommandViewer } from "./command_viewer.ts";
import { answered, commandsText, parseId, watchLine } from "./ids.ts";
import { leaveUnseen } from "./lost_output.ts";
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
    lines: [[
      "Ctrl-C",
      "stop watching; the commands go on (so with SIGTERM, SIGHUP and a closed output)",
    ]],
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
    using listening = new DisposableStack();
    for (const signal of STOP_SIGNALS) {
      listening.use(terminal.onSignal(signal, () => {
        stop.abort(leaving(viewer.follower.open));
      }));
    }
    try {
      return await viewer.wait(stop.signal);
    } catch (error) {
      if (!(error instanceof OutputLost)) throw error;
      return await leaveUnseen(error, viewer, { terminal, json });
    }
  },
});

function leaving(open: readonly bigint[]): ExitError {
  return new ExitError(
    new HintedError(
      "CANCELLED",
      `Stopped watching ${commandsText(open)}: what runs goes on`,
      watchLine(open),
    ),
    ExitCode.left,
  );
}

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
