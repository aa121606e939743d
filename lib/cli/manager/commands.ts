import { COMMAND_STATES } from "../../base/command_state.ts";
import type { Command } from "../../../proto/gen/piri/control/v1/control_pb.ts";
import { defineSubcommand } from "../command.ts";
import { ExitCode } from "../exit_code.ts";
import { durationText } from "../time.ts";
import { parseId } from "./ids.ts";
import { commandJson } from "./json.ts";
import type { ManagerServices } from "./services.ts";
import { outcomeText, stateOf } from "./states.ts";

/** `commands`: lists the history, newest first. */
export const commands = defineSubcommand({
  name: "commands",
  summary: "list the recorded commands, newest first",
  positionals: {},
  flags: {
    limit: {
      type: "number",
      value: "N",
      summary: "number of commands, at most 1000 (default: 100)",
      least: 1,
      most: 1_000,
    },
    agent: {
      type: "string",
      value: "NAME",
      summary: "only commands of this agent",
    },
    state: {
      type: "choice",
      choices: COMMAND_STATES,
      summary: "only commands in this state",
    },
    before: {
      type: "string",
      value: "ID",
      summary: "only commands with a smaller id: the next page",
    },
  },
  examples: ["", "--agent web-1 --state failed", "--limit 10 --json"],
  async execute({ flags, dir, output }, services: ManagerServices) {
    const beforeId = flags.before === undefined
      ? undefined
      : parseId(flags.before);
    using control = await services.connect(dir);
    const { commands } = await control.commands.listCommands({
      ...(flags.limit === undefined ? {} : { limit: flags.limit }),
      ...(beforeId === undefined ? {} : { beforeId }),
      agent: flags.agent ?? "",
      states: flags.state === undefined ? [] : [stateOf(flags.state)],
    });
    await output.list(commands, {
      json: commandJson,
      columns: {
        ID: ({ id }) => String(id),
        AGENT: ({ agent }) => agent,
        STATE: stateText,
        CREATED: ({ createdAtMs }) => output.time(createdAtMs),
        TOOK: tookText,
        WHAT: whatText,
      },
    });
    return ExitCode.ok;
  },
});

function stateText(command: Command): string {
  // The reason is long: `show` has it.
  return outcomeText({ ...command, reason: "", errorCode: "" });
}

function tookText({ startedAtMs, finishedAtMs }: Command): string {
  return startedAtMs === undefined || finishedAtMs === undefined
    ? ""
    : durationText(Number(finishedAtMs - startedAtMs));
}

/** Request of a command as one would type it. */
export function whatText({ operation, params }: Command): string {
  const { shell, argv } = paramsOf(params);
  if (operation !== "command.Run") return `${operation} ${params}`;
  if (typeof shell === "string") return shell;
  return Array.isArray(argv) ? argv.join(" ") : `${operation} ${params}`;
}

function paramsOf(params: string): { shell?: unknown; argv?: unknown } {
  try {
    return JSON.parse(params);
  } catch {
    return {};
  }
}
