import {
  COMMAND_STATES,
  type CommandStateName,
} from "../../base/command_state.ts";
import type { Command } from "../../../proto/gen/piri/control/v1/control_messages.ts";
import { defineSubcommand } from "../command.ts";
import { ExitCode } from "../exit_code.ts";
import { durationText } from "../time.ts";
import { requireListed } from "./hints.ts";
import { parseJobId } from "./job_ids.ts";
import { commandJson } from "./json.ts";
import { requestText } from "./request_text.ts";
import type { ManagerServices } from "./services.ts";
import { outcomeText, stateOf } from "./states.ts";
import { parseIdOf } from "./typed_id.ts";

/** States for words that people know from other tools. */
const STATE_SYNONYMS: Readonly<Record<string, CommandStateName>> = {
  active: "running",
  canceled: "cancelled",
  denied: "refused",
  done: "succeeded",
  error: "failed",
  killed: "cancelled",
  missing: "lost",
  ok: "succeeded",
  pending: "queued",
  rejected: "refused",
  success: "succeeded",
  timeout: "timed_out",
  unknown: "lost",
  waiting: "queued",
};

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
    job: {
      type: "string",
      value: "ID",
      summary: "only commands of this job, such as j-17",
    },
    state: {
      type: "choice",
      choices: COMMAND_STATES,
      synonyms: STATE_SYNONYMS,
      summary: "only commands in this state",
    },
    before: {
      type: "string",
      value: "ID",
      summary: "only commands with a smaller id: the next page",
    },
  },
  examples: [
    "",
    "--agent web-1 --state failed",
    "--job j-17",
    "--limit 10 --json",
  ],
  async execute({ flags, dir, output }, services: ManagerServices) {
    const beforeId = flags.before === undefined
      ? undefined
      : parseIdOf("command", flags.before);
    const jobId = flags.job === undefined ? undefined : parseJobId(flags.job);
    using control = await services.connect(dir);
    const { commands } = await control.commands.listCommands({
      ...(flags.limit === undefined ? {} : { limit: flags.limit }),
      ...(beforeId === undefined ? {} : { beforeId }),
      ...(jobId === undefined ? {} : { jobId }),
      agent: flags.agent ?? "",
      states: flags.state === undefined ? [] : [stateOf(flags.state)],
    });
    if (commands.length === 0 && flags.agent !== undefined) {
      const { agent } = flags;
      await requireListed(agent, "list the commands of", {
        control,
        hasRecords: async () => {
          const request = { agent, limit: 1 };
          const { commands } = await control.commands.listCommands(request);
          return commands.length > 0;
        },
      });
    }
    // A job that there is may have no commands yet.
    if (commands.length === 0 && jobId !== undefined) {
      await control.jobs.getJob({ jobId });
    }
    await output.list(commands, {
      json: commandJson,
      columns: {
        ID: ({ id }) => String(id),
        AGENT: ({ agent }) => agent,
        STATE: stateText,
        CREATED: ({ createdAtMs }) => output.time(createdAtMs),
        TOOK: tookText,
        WHAT: requestText,
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
