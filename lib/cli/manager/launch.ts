import type { Command } from "../../../proto/gen/piri/control/v1/control_pb.ts";
import type { ColourChoice } from "../colour.ts";
import type { HelpSection } from "../command.ts";
import { HintedError } from "../errors.ts";
import { ExitCode } from "../exit_code.ts";
import type { Output } from "../output.ts";
import { OutputLost, type Terminal } from "../terminal.ts";
import { CommandViewer } from "./command_viewer.ts";
import { commandsText } from "./ids.ts";
import { commandJson } from "./json.ts";
import { cancelUnseen, tellLoss } from "./lost_output.ts";
import { type Call, RetryingClient } from "./retrying_client.ts";
import type { Control } from "./services.ts";
import { Patience } from "./patience.ts";

/** Help about Ctrl-C during a launched command. */
export const WHILE_IT_RUNS: HelpSection = {
  title: "While it runs",
  lines: [
    ["Ctrl-C", "cancel, and wait for the result; so do SIGTERM and SIGHUP"],
    ["Ctrl-C again", "stop waiting"],
    ["closed output", "cancel, as when a pipe ends: --detach to let it run"],
  ],
};

/** Request that starts commands. */
export interface Launch {
  /** Sends the request. Must be idempotent, because it may be sent again. */
  readonly start: Call<readonly Command[]>;
  /** Adds a hint to the error of an answer. */
  readonly explain?: <T>(answer: Promise<T>) => Promise<T>;
  /** Timeout of the commands, in milliseconds; the one in the first command if absent. */
  readonly timeoutMs?: number | undefined;
  /** True if lines have the form for several agents, even if it is one. */
  readonly many?: boolean;
  /** Times in front of lines; none if absent. */
  readonly times?: "local" | "utc" | undefined;
  /** Exit code for commands that have ended; the worst of theirs by default. */
  readonly exitCodeOf?: (commands: readonly Command[]) => number;
}

/** Connection and output of a launch. */
export interface LaunchContext {
  readonly connect: () => Promise<Control>;
  readonly flags: {
    readonly detach: boolean;
    readonly raw: boolean;
    readonly color: ColourChoice | undefined;
  };
  readonly json: boolean;
  readonly terminal: Terminal;
  readonly output: Output;
}

/** Starts commands and shows them until they end; with `--detach` prints their ids only. Returns the exit code. */
export async function launch(
  {
    start,
    explain = (answer) => answer,
    timeoutMs,
    ...looks
  }: Launch,
  { connect, flags, json, terminal, output }: LaunchContext,
): Promise<number> {
  // A Manager that is not there at all is told at once; only for one that goes away is it worth to wait.
  (await connect())[Symbol.dispose]();
  const client = new RetryingClient(connect, terminal);
  using patience = new Patience(terminal, {
    detach: flags.detach,
    note: (text) => void output.note(text),
  });
  const commands = await explain(
    client.call(start, {
      signal: patience.signal,
      failure: (fact) =>
        new HintedError(
          "UNAVAILABLE",
          `Cannot tell whether anything was started: ${fact}`,
          "piri-manager commands",
        ),
    }),
  );
  if (flags.detach) {
    return await printIds(commands, { output, terminal, json });
  }
  const { raw, color: colour } = flags;
  const options = { terminal, json, raw, colour, ...looks };
  const viewer = new CommandViewer(commands, { client, options });
  patience.cancels(viewer.follower);
  const limit = timeoutMs ?? commands[0]?.timeoutMs;
  if (limit !== undefined) {
    patience.limit(limit, () => viewer.follower.commands);
  }
  const { signal } = patience;
  try {
    return await viewer.wait(signal);
  } catch (error) {
    if (!(error instanceof OutputLost)) throw error;
    return await cancelUnseen(error, viewer, { terminal, json, signal });
  }
}

async function printIds(
  commands: readonly Command[],
  { output, terminal, json }: Pick<
    LaunchContext,
    "output" | "terminal" | "json"
  >,
): Promise<number> {
  try {
    for (const command of commands) {
      await output.either(commandJson(command), String(command.id));
    }
    return ExitCode.ok;
  } catch (error) {
    if (!(error instanceof OutputLost)) throw error;
    const what = `started: ${commandsText(commands.map(({ id }) => id))}`;
    return await tellLoss(error, what, {
      terminal,
      json,
      exitCode: ExitCode.ok,
    });
  }
}
