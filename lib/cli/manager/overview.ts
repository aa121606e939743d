import { JobState } from "../../../proto/gen/piri/control/v1/control_enums.ts";
import type {
  Agent,
  Command,
  GetStatusResponse,
  Job,
} from "../../../proto/gen/piri/control/v1/control_messages.ts";
import { BAD_ENDS } from "../../base/command_state.ts";
import { OPEN_JOB_STATES } from "../../base/job_state.ts";
import { Disconnected } from "../../base/errors.ts";
import type { Invocation } from "../command.ts";
import { ExitCode } from "../exit_code.ts";
import { oneLine } from "../text.ts";
import { durationText } from "../time.ts";
import { attentionOf, isEnrolled } from "./attention.ts";
import { commandJson } from "./json.ts";
import { requestText } from "./request_text.ts";
import type { Control, ManagerServices } from "./services.ts";
import { outcomeText, stateOf } from "./states.ts";
import { jobStateOf } from "./job/job_json.ts";

/** Lines of each list, so that all fits on one screen of 24 lines. */
const MAX_LINES = 4;

/** States of a command that its user did not want. */
const FAILURES = BAD_ENDS.filter((end) => end !== "cancelled").map(stateOf);

/** Facts of one screen. */
interface Overview {
  readonly status: GetStatusResponse;
  readonly agents: readonly Agent[];
  readonly failures: readonly Command[];
  /** Jobs that have not ended; undefined of a Manager that has no jobs. */
  readonly jobs: readonly Job[] | undefined;
}

/**
 * `piri-manager` alone: one screen about the whole fleet. Returns undefined without a Manager, and then prints nothing.
 */
export async function overview(
  invocation: Invocation,
  services: ManagerServices,
): Promise<number | undefined> {
  const { dir, json, output, terminal } = invocation;
  let seen: Overview;
  try {
    using control = await services.connect(dir);
    seen = await look(control);
  } catch (error) {
    if (error instanceof Disconnected) return undefined;
    throw error;
  }
  const attention = attentionOf(
    seen.status,
    seen.agents,
    terminal.clock.now(),
  );
  if (json) await output.value(overviewJson(seen, attention));
  else {
    for (const line of linesOf(seen, attention, invocation)) {
      await output.line(line);
    }
  }
  return ExitCode.ok;
}

async function look(control: Control): Promise<Overview> {
  const [status, { agents }, { commands: failures }, jobs] = await Promise.all([
    control.status.getStatus({}),
    control.agents.listAgents({}),
    control.commands.listCommands({ states: FAILURES, limit: MAX_LINES }),
    openJobs(control),
  ]);
  return { status, agents, failures, jobs };
}

async function openJobs(control: Control): Promise<readonly Job[] | undefined> {
  try {
    const states = OPEN_JOB_STATES.map(jobStateOf);
    return (await control.jobs.listJobs({ states })).jobs;
  } catch {
    return undefined; // a Manager without jobs; what else is wrong, the other questions tell
  }
}

/** Counts of agents by their states. */
function countsOf(agents: readonly Agent[]) {
  const enrolled = agents.filter(isEnrolled);
  return {
    connected: enrolled.filter(({ connected }) => connected).length,
    away: enrolled.filter(({ connected }) => !connected).length,
    notJoined: agents.filter(({ joined, retired }) => !joined && !retired)
      .length,
    retired: agents.filter(({ retired }) => retired).length,
    revoked: agents.filter(({ revokedAtMs }) => revokedAtMs !== undefined)
      .length,
  };
}

function linesOf(
  { status, agents, failures, jobs }: Overview,
  attention: readonly string[],
  { output, terminal }: Invocation,
): string[] {
  const { connected, away, notJoined, retired, revoked } = countsOf(agents);
  const up = terminal.clock.now() - Number(status.startedAtMs);
  return [
    `Manager of ${status.advertise}, version ${status.version}, up for ${
      durationText(Math.max(up, 0))
    }`,
    `Agents: ${
      [
        `${connected} connected`,
        `${away} away`,
        ...notJoined === 0 ? [] : [`${notJoined} not joined`],
        ...retired === 0 ? [] : [`${retired} retired`],
        ...revoked === 0 ? [] : [`${revoked} revoked`],
      ].join(", ")
    }`,
    `Commands: ${status.commandsOpen} open, ${status.commandsTotal} in all`,
    ...jobs === undefined ? [] : [`Jobs: ${jobs.length} open`],
    ...(jobs ?? []).slice(0, MAX_LINES).map(jobLine),
    ...section(
      "Last failures",
      failures.slice(0, MAX_LINES).map((command) =>
        [
          String(command.id),
          command.agent,
          outcomeText({ ...command, reason: "", errorCode: "" }),
          output.time(command.finishedAtMs ?? command.createdAtMs),
          requestText(command),
        ].join("  ")
      ),
    ),
    ...section("Needs attention", attention),
    ...section("Next", nextLines({ agents, failures, jobs })),
  ].map((line) => oneLine(line) === "" ? "" : indentKept(line));
}

/** A line without what could steer a terminal, and with its indent. */
function indentKept(line: string): string {
  return (line.startsWith("  ") ? "  " : "") + oneLine(line);
}

function section(title: string, lines: readonly string[]): string[] {
  return lines.length === 0
    ? []
    : ["", `${title}:`, ...lines.map((line) => `  ${line}`)];
}

function jobLine({ id, state, name, operation, counts }: Job): string {
  const { running = 0, succeeded = 0, total = 0 } = counts ?? {};
  return `  j-${id}  ${state === JobState.PAUSED ? "paused" : "running"}  ${
    name === "" ? operation : name
  }  ${succeeded} of ${total} ok, ${running} running`;
}

function nextLines(
  { agents, failures, jobs = [] }: Pick<
    Overview,
    "agents" | "failures" | "jobs"
  >,
): string[] {
  if (agents.length === 0) return ["piri-manager agent add NAME"];
  const [failure] = failures;
  const [job] = jobs;
  const [first] = agents;
  return [
    ...job === undefined ? [] : [`piri-manager watch j-${job.id}`],
    ...failure === undefined
      ? []
      : [`piri-manager show ${failure.id} --output`],
    `piri-manager run ${first?.id ?? "NAME"} -- uname -a`,
    "piri-manager --help",
  ];
}

function overviewJson(
  { status, agents, failures, jobs }: Overview,
  attention: readonly string[],
): Record<string, unknown> {
  return {
    version: status.version,
    agents: countsOf(agents),
    commandsOpen: status.commandsOpen,
    jobsOpen: jobs === undefined ? null : jobs.map(({ id }) => `j-${id}`),
    failures: failures.map(commandJson),
    attention,
  };
}
