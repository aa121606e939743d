import type { Command } from "../../../proto/gen/piri/control/v1/control_messages.ts";
import { defineSubcommand } from "../command.ts";
import { ExitError, HintedError } from "../errors.ts";
import { ExitCode } from "../exit_code.ts";
import { OutputLost, STOP_SIGNALS } from "../terminal.ts";
import { CommandViewer } from "./command_viewer.ts";
import { answered, commandsText, watchLine } from "./ids.ts";
import { checkNoFiles, checkViewFlags, VIEW_FLAGS } from "./job/view_flags.ts";
import { timesOf } from "./job/views.ts";
import { commandIdOf, parseAnyId } from "./job_ids.ts";
import { leaveUnseen } from "./lost_output.ts";
import { RetryingClient } from "./retrying_client.ts";
import type { Control, ManagerServices } from "./services.ts";
import { watchJob } from "./watch_job.ts";

/** `watch 12`: shows a command's output from the beginning, and its result. */
export const watch = defineSubcommand({
  name: "watch",
  summary: "show the output of commands, from the start until they end",
  positionals: {
    id: {
      type: "many",
      summary: "ids of commands (17, or j-17/web-1), or of one job (j-17)",
    },
  },
  flags: VIEW_FLAGS,
  more: [{
    title: "While it runs",
    lines: [[
      "Ctrl-C",
      "stop watching; the commands go on (so with SIGTERM, SIGHUP and a closed output)",
    ]],
  }],
  examples: ["12", "12 13 --json", "j-17", "j-17/web-1"],
  async execute(
    { positionals, flags, dir, json, output, terminal },
    services: ManagerServices,
  ) {
    const typed = positionals.id.map(parseAnyId);
    const jobs = typed.filter(({ kind }) => kind === "job");
    const connect = () => services.connect(dir);
    const [job] = jobs;
    if (job !== undefined) {
      if (typed.length > 1) throw severalJobs();
      const context = { connect, flags, json, output, terminal };
      return await watchJob(job.id, context);
    }
    checkViewFlags(flags, { json });
    checkNoFiles(flags, "commands");
    const commands: Command[] = [];
    {
      using control = await connect();
      const ids = new Set<bigint>();
      for (const one of typed) {
        if (one.kind === "job") continue;
        ids.add(await commandIdOf(one, { control, attempt: "watch" }));
      }
      for (const id of ids) commands.push(await getCommand(control, id));
    }
    const stop = new AbortController();
    const client = new RetryingClient(connect, terminal);
    const { raw, color: colour } = flags;
    const times = timesOf(flags);
    const options = { terminal, json, raw, colour, times };
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

function severalJobs(): HintedError {
  return new HintedError(
    "INVALID_ARGUMENT",
    "Cannot watch a job beside something else: only one job at a time",
    "start another piri-manager watch for the rest",
  );
}

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
