import type { Command } from "../../../proto/gen/piri/control/v1/control_pb.ts";
import type { ColourChoice } from "../colour.ts";
import type { HelpSection } from "../command.ts";
import { HintedError } from "../errors.ts";
import { ExitCode } from "../exit_code.ts";
import type { Output } from "../output.ts";
import type { Terminal } from "../terminal.ts";
import { CommandViewer } from "./command_viewer.ts";
import { commandJson } from "./json.ts";
import { type Call, RetryingClient } from "./retrying_client.ts";
import type { Control } from "./services.ts";
import { Patience } from "./patience.ts";

/** Help about Ctrl-C during a launched command. */
export const WHILE_IT_RUNS: HelpSection = {
  title: "While it runs",
  lines: [
    ["Ctrl-C", "cancel, and wait for the result"],
    ["Ctrl-C again", "stop waiting"],
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
  /** True if the output has the form for several commands, even if there is one. */
  readonly forMany?: boolean;
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
  { start, explain = (answer) => answer, timeoutMs, forMany = false }: Launch,
  { connect, flags, json, terminal, output }: LaunchContext,
): Promise<ExitCode> {
  // A Manager that is not there at all is told at once; only for one that goes away is it worth to wait.
  (await connect())[Symbol.dispose]();
  const client = new RetryingClient(connect, terminal);
  using patience = new Patience(terminal);
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
    for (const command of commands) {
      await output.either(commandJson(command), String(command.id));
    }
    return ExitCode.ok;
  }
  const { raw, color: colour } = flags;
  const options = { terminal, json, raw, colour, forMany };
  const viewer = new CommandViewer(commands, { client, options });
  patience.cancels(viewer.follower);
  const limit = timeoutMs ?? commands[0]?.timeoutMs;
  if (limit !== undefined) patience.limit(limit);
  return await viewer.wait(patience.signal);
}
