import type { Command } from "../../../proto/gen/piri/control/v1/control_messages.ts";
import type { ColourChoice } from "../colour.ts";
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
import { startFailure } from "./start_failure.ts";

/** Request that starts a command. */
export interface Launch {
  /** Sends the request. Must be idempotent, because it may be sent again. */
  readonly start: Call<Command>;
  /** Times in front of lines; none if absent. */
  readonly times?: "local" | "utc" | undefined;
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

/** Starts a command and shows it until it ends; with `--detach` prints its id only. Returns the exit code. */
export async function launch(
  { start, times }: Launch,
  { connect, flags, json, terminal, output }: LaunchContext,
): Promise<number> {
  // A Manager that is not there at all is told at once; only for one that goes away is it worth to wait.
  (await connect())[Symbol.dispose]();
  const client = new RetryingClient(connect, terminal);
  using patience = new Patience(terminal, {
    detach: flags.detach,
    listLine: "piri-manager commands",
    note: (text) => void output.note(text),
  });
  const command = await client.call(start, {
    signal: patience.signal,
    failure: startFailure("piri-manager commands"),
  });
  if (flags.detach) {
    return await printId(command, { output, terminal, json });
  }
  const { raw, color: colour } = flags;
  const options = { terminal, json, raw, colour, times };
  const viewer = new CommandViewer([command], { client, options });
  patience.cancels(viewer.follower);
  if (command.timeoutMs !== undefined) {
    patience.limit(command.timeoutMs, () => viewer.follower.commands);
  }
  const { signal } = patience;
  try {
    return await viewer.wait(signal);
  } catch (error) {
    if (!(error instanceof OutputLost)) throw error;
    return await cancelUnseen(error, viewer, { terminal, json, signal });
  }
}

async function printId(
  command: Command,
  { output, terminal, json }: Pick<
    LaunchContext,
    "output" | "terminal" | "json"
  >,
): Promise<number> {
  try {
    await output.either(commandJson(command), String(command.id));
    return ExitCode.ok;
  } catch (error) {
    if (!(error instanceof OutputLost)) throw error;
    const what = `started: ${commandsText([command.id])}`;
    return await tellLoss(error, what, {
      terminal,
      json,
      exitCode: ExitCode.ok,
    });
  }
}
