import { CommandState } from "../../../proto/gen/piri/control/v1/control_enums.ts";
import type { Command } from "../../../proto/gen/piri/control/v1/control_messages.ts";
import { askerText } from "../../base/asker.ts";
import {
  askOver,
  commandPlaces,
  failedStepIn,
  placedJson,
  placedReason,
  placesFrom,
  placeTexts,
} from "./command_places.ts";
import { COLOUR_FLAG } from "../colour.ts";
import { defineSubcommand } from "../command.ts";
import { HintedError } from "../errors.ts";
import { ExitCode } from "../exit_code.ts";
import type { Output } from "../output.ts";
import { dumpOutput } from "./dump.ts";
import { isForOne } from "./job/launch_job.ts";
import { ANY_ID, commandIdOf, findEntry, parseAnyId } from "./job_ids.ts";
import { JsonView } from "./json_view.ts";
import { LiveView } from "./live_view.ts";
import { readableRecords } from "./record_view.ts";
import type { Control, ManagerServices } from "./services.ts";
import { showEntry, showJob } from "./show_job.ts";
import { hasEnded, outcomeText } from "./states.ts";
import { getCommand } from "./watch.ts";
import { answered } from "./ids.ts";

/** `show 12`: shows the record of a command, or its output. */
export const show = defineSubcommand({
  name: "show",
  summary: "show the state and times of a command or a job, or output",
  positionals: { id: { type: "one", summary: ANY_ID } },
  flags: {
    output: {
      type: "boolean",
      summary:
        "print the output so far: its stdout to stdout, its stderr to stderr",
    },
    raw: {
      type: "boolean",
      summary: "print the exact bytes to a terminal, too (with --output)",
    },
    color: COLOUR_FLAG,
  },
  examples: ["12", "12 --output > log", "j-17", "j-17/web-1 --output"],
  async execute(
    { positionals, flags, fromSettings, dir, json, output, terminal },
    services: ManagerServices,
  ) {
    const typed = parseAnyId(positionals.id);
    // A default of the user is for one agent.
    const isJobDefault = typed.kind === "job" && fromSettings.has("output");
    const printsOutput = flags.output && !isJobDefault;
    using control = await services.connect(dir);
    if (typed.kind === "job" && !printsOutput) {
      const now = terminal.clock.now();
      const entries = false;
      await showJob(typed.id, { control, output, json, entries, now });
      return ExitCode.ok;
    }
    const entry = typed.kind === "entry" && !printsOutput
      ? await findEntry(control, typed)
      : undefined;
    if (entry !== undefined && entry.commandId === undefined) {
      const { id: jobId } = typed;
      return await showEntry(entry, { jobId, control, output, json });
    }
    const id = entry?.commandId ??
      (typed.kind === "job"
        ? await onlyCommand(typed.id, control)
        : await commandIdOf(typed, { control, attempt: "show" }));
    const command = await getCommand(control, id);
    const ask = askOver(control);
    if (printsOutput) {
      const { raw, color: colour } = flags;
      const style = raw ? "raw" : "plain";
      const live = () => new LiveView([command], { terminal, style, colour });
      const view = json
        ? new JsonView(terminal, ask)
        : raw
        ? live()
        : readableRecords(live(), placesFrom(ask));
      await dumpOutput(command, { control, terminal, view });
      return ExitCode.ok;
    }
    if (json) {
      await output.value(await placedJson(command, ask));
    } else {
      const places = (await commandPlaces([command], ask)).get(id);
      const reason = placedReason(
        command.reason,
        failedStepIn(command.data),
        placeTexts(places ?? []),
      );
      await output.facts(factsOf({ ...command, reason }, output));
    }
    return ExitCode.ok;
  },
});

/**
 * Command of a job of one agent.
 *
 * @throws {PiriError} NOT_FOUND; INVALID_ARGUMENT for a job of several agents, FAILED_PRECONDITION without a command
 */
async function onlyCommand(jobId: bigint, control: Control): Promise<bigint> {
  const answer = await control.jobs.getJob({ jobId });
  const job = answered(answer.job, `show job j-${jobId}`);
  if (!isForOne(job)) throw noOutput(jobId);
  const { entries: [entry] } = await control.jobs.listEntries({ jobId });
  if (entry?.commandId !== undefined) return entry.commandId;
  throw new HintedError(
    "FAILED_PRECONDITION",
    `Cannot show the output of j-${jobId}: its agent has no command`,
    `piri-manager show j-${jobId} tells why`,
  );
}

function noOutput(jobId: bigint): HintedError {
  return new HintedError(
    "INVALID_ARGUMENT",
    `Cannot show the output of j-${jobId}: a job has one for each agent`,
    `piri-manager watch j-${jobId} shows all, piri-manager show j-${jobId}/AGENT --output one`,
  );
}

function factsOf(command: Command, output: Output): Record<string, string> {
  const time = (ms: bigint | undefined) => output.fullTime(ms);
  const { stdoutBytes, stderrBytes } = command;
  return {
    id: String(command.id),
    agent: command.agent,
    operation: command.operation,
    parameters: command.params,
    state: outcomeText({ ...command, reason: "", errorCode: "" }),
    reason: command.reason,
    error: command.errorCode,
    progress: progressText(command),
    survives: survivalText(command),
    created: time(command.createdAtMs),
    sent: time(command.sentAtMs),
    started: time(command.startedAtMs),
    finished: time(command.finishedAtMs),
    "agent's start": time(command.agentStartedAtMs),
    "agent's finish": time(command.agentFinishedAtMs),
    "cancel asked": cancelText(command, output),
    "unreachable since": time(command.unreachableSinceMs),
    output: `${stdoutBytes} bytes of stdout, ${stderrBytes} of stderr${
      keptText(command)
    }${maskedText(command)}`,
    changed: command.changed ? "yes" : "no",
    data: command.data,
    repeats: command.rerunOf === undefined ? "" : String(command.rerunOf),
    job: command.job,
    "requested by": askerText(command),
  };
}

/** Tells of a program that outlives its agent, and where it goes on. */
function survivalText(
  { survive, state, agent, unreachableSinceMs }: Command,
): string {
  if (!survive) return "";
  const isAlone = state === CommandState.RUNNING &&
    unreachableSinceMs !== undefined;
  return isAlone
    ? `the end of its agent: it goes on on ${agent}, though its agent is away`
    : "the end of its agent";
}

/** Tells how much of the output is not kept; an older Manager does not tell. */
function keptText(
  { stdoutBytes, stderrBytes, outputKept, truncated }: Command,
): string {
  if (!truncated) return "";
  if (outputKept === undefined) return ", not all of it kept";
  const missing = stdoutBytes + stderrBytes - outputKept;
  return missing > 0n ? `, ${missing} of them not kept` : "";
}

function maskedText({ masked }: Command): string {
  if (masked === 0) return "";
  return `, masked ${masked === 1 ? "once" : `${masked} times`}`;
}

/** Progress of an open command. 0 of 1 is the initial value and says nothing. */
function progressText(command: Command): string {
  const { progress } = command;
  if (progress === undefined || hasEnded(command)) return "";
  const { current, total, message } = progress;
  if (current === 0 && total <= 1 && message === "") return "";
  return `${current} of ${total} ${message}`;
}

function cancelText(
  { cancelRequestedAtMs, cancelRequestedBy, cancelSaidBy }: Command,
  output: Output,
): string {
  const by = askerText({
    requestedBy: cancelRequestedBy,
    saidBy: cancelSaidBy,
  });
  return cancelRequestedAtMs === undefined
    ? ""
    : `${output.fullTime(cancelRequestedAtMs)}${by === "" ? "" : ` by ${by}`}`;
}
