import { RerunScope } from "../../../proto/gen/piri/control/v1/control_enums.ts";
import type { Job } from "../../../proto/gen/piri/control/v1/control_messages.ts";
import { PiriError } from "../../base/errors.ts";
import { defineSubcommand, type Group } from "../command.ts";
import { ExitCode } from "../exit_code.ts";
import { durationText } from "../time.ts";
import { requireListed } from "./hints.ts";
import { targetsText } from "./job/head_line.ts";
import {
  JOB_STATES,
  jobJson,
  jobStateName,
  jobStateOf,
} from "./job/job_json.ts";
import { launchJob, SKIP_DENIED, WHILE_A_JOB_RUNS } from "./job/launch_job.ts";
import { jobCountsText } from "./job/summary_text.ts";
import { VIEW_FLAGS } from "./job/view_flags.ts";
import { parseJobId } from "./job_ids.ts";
import { requestText } from "./request_text.ts";
import type { Control, ManagerServices } from "./services.ts";
import { showJob } from "./show_job.ts";
import { signatureOf, userOf } from "./signature.ts";
import { watchJob } from "./watch_job.ts";
import { answered } from "./ids.ts";
import { typedTargets, withPlaces } from "./target_flags.ts";

const ID = {
  id: { type: "one", summary: "id of the job: j-17" },
} as const;

const list = defineSubcommand({
  name: "list",
  summary: "list the recorded jobs, newest first",
  positionals: {},
  flags: {
    limit: {
      type: "number",
      value: "N",
      summary: "number of jobs, at most 1000 (default: 100)",
      least: 1,
      most: 1_000,
    },
    state: {
      type: "choice",
      summary: "only jobs of this state",
      choices: JOB_STATES,
    },
    text: {
      type: "string",
      value: "TEXT",
      summary: "only jobs with this text in their name or note",
    },
    agent: {
      type: "string",
      value: "NAME",
      summary: "only jobs of this agent",
    },
    before: {
      type: "string",
      value: "ID",
      summary: "only jobs before this one",
    },
  },
  examples: ["", "--state failed --limit 10", "--text deploy"],
  async execute({ flags, dir, output }, services: ManagerServices) {
    const { before, state } = flags;
    using control = await services.connect(dir);
    const { jobs } = await control.jobs.listJobs({
      ...flags.limit === undefined ? {} : { limit: flags.limit },
      ...before === undefined ? {} : { beforeId: parseJobId(before) },
      states: state === undefined ? [] : [jobStateOf(state)],
      text: flags.text ?? "",
      agent: flags.agent ?? "",
    });
    if (jobs.length === 0 && flags.agent !== undefined) {
      const { agent } = flags;
      await requireListed(agent, "list the jobs of", {
        control,
        hasRecords: async () => {
          const { jobs } = await control.jobs.listJobs({ agent, limit: 1 });
          return jobs.length > 0;
        },
      });
    }
    await output.list(jobs, {
      json: jobJson,
      columns: {
        ID: ({ id }) => `j-${id}`,
        STATE: ({ state }) => jobStateName(state),
        AGENTS: jobCountsText,
        CREATED: ({ createdAtMs }) => output.time(createdAtMs),
        TIME: timeText,
        NAME: ({ name }) => name,
        ON: targetsText,
        RUNS: requestText,
      },
    });
    return ExitCode.ok;
  },
});

const show = defineSubcommand({
  name: "show",
  summary: "show a job, and how far each of its agents is",
  positionals: ID,
  flags: {
    entries: { type: "boolean", summary: "a line for each agent" },
  },
  examples: ["j-17", "j-17 --entries", "j-17 --json"],
  async execute(
    { positionals, flags, dir, json, output, terminal },
    services: ManagerServices,
  ) {
    using control = await services.connect(dir);
    await showJob(parseJobId(positionals.id), {
      control,
      output,
      json,
      entries: flags.entries,
      now: terminal.clock.now(),
    });
    return ExitCode.ok;
  },
});

const watch = defineSubcommand({
  name: "watch",
  summary: "show a job until it ends; leaving it cancels nothing",
  positionals: ID,
  flags: VIEW_FLAGS,
  examples: ["j-17", "j-17 --stream"],
  async execute(invocation, services: ManagerServices) {
    return await watchJob(parseJobId(invocation.positionals.id), {
      ...invocation,
      connect: () => services.connect(invocation.dir),
    });
  },
});

const cancel = defineSubcommand({
  name: "cancel",
  summary: "start nothing more of a job, and cancel what runs",
  positionals: ID,
  flags: {
    grace: {
      type: "duration",
      value: "TIME",
      summary: "time between SIGTERM and SIGKILL (default: 5s)",
    },
  },
  examples: ["j-17"],
  async execute(
    { positionals, flags, dir, output, terminal },
    services: ManagerServices,
  ) {
    const jobId = parseJobId(positionals.id);
    using control = await services.connect(dir);
    const { job } = await control.jobs.cancelJob({
      jobId,
      requestedBy: userOf(terminal),
      ...flags.grace === undefined ? {} : { graceMs: flags.grace },
    });
    await output.either(
      jobJson(answered(job, `cancel job j-${jobId}`)),
      `j-${jobId}: cancel requested`,
    );
    return ExitCode.ok;
  },
});

const pause = steering({
  name: "pause",
  summary: "start nothing more of a job for now; what runs goes on",
  done: "paused",
  ask: ({ jobs }, request) => jobs.pauseJob(request),
});

const resume = steering({
  name: "resume",
  summary: "go on with a job that was paused",
  done: "resumed",
  ask: ({ jobs }, request) => jobs.resumeJob(request),
});

/** Subcommand that asks for one thing to be done to a job. */
function steering(
  { name, summary, done, ask }: {
    readonly name: string;
    readonly summary: string;
    /** Result for people. */
    readonly done: string;
    readonly ask: (
      control: Control,
      request: { jobId: bigint; requestedBy: string },
    ) => Promise<{ readonly job?: Job | undefined }>;
  },
) {
  return defineSubcommand({
    name,
    summary,
    positionals: ID,
    flags: {},
    examples: ["j-17"],
    async execute(
      { positionals, dir, output, terminal },
      services: ManagerServices,
    ) {
      const jobId = parseJobId(positionals.id);
      using control = await services.connect(dir);
      const request = { jobId, requestedBy: userOf(terminal) };
      const { job } = await ask(control, request);
      await output.either(
        jobJson(answered(job, `${name} job j-${jobId}`)),
        `j-${jobId}: ${done}`,
      );
      return ExitCode.ok;
    },
  });
}

/** Flags of a rerun. */
export const RERUN_FLAGS = {
  failed: {
    type: "boolean",
    apart: ["lost", "unreachable"],
    summary: "a job: only on agents that did not do it",
  },
  lost: {
    type: "boolean",
    apart: ["unreachable"],
    summary: "a job: only on agents that are lost",
  },
  unreachable: {
    type: "boolean",
    summary: "a job: only on agents that were not reached",
  },
  on: {
    type: "repeated",
    value: "EXPR",
    summary: "a job: only on those of its agents that this expression means",
  },
  detach: {
    type: "boolean",
    summary: "print the id of what is started and do not wait",
  },
  "skip-denied": {
    type: "boolean",
    summary: SKIP_DENIED,
  },
} as const;

const rerun = defineSubcommand({
  name: "rerun",
  summary: "run a job that has ended again, as a new job",
  positionals: ID,
  flags: { ...RERUN_FLAGS, ...VIEW_FLAGS },
  more: [WHILE_A_JOB_RUNS],
  examples: ["j-17 --failed", "j-17 --on '@web ! web-3'"],
  async execute(invocation, services: ManagerServices) {
    const { positionals, flags, dir, terminal } = invocation;
    const request = {
      jobId: parseJobId(positionals.id),
      scope: scopeOf(flags),
      on: [...flags.on],
      skipDenied: flags["skip-denied"],
      ...signatureOf(terminal),
    };
    const on = typedTargets(flags.on, "--on");
    return await launchJob({
      start: (control, { signal }) =>
        control.jobs.rerunJob(request, { signal }),
      explain: (answer) => withPlaces(answer, on),
    }, { ...invocation, connect: () => services.connect(dir) });
  },
});

/**
 * The agents that flags of a rerun name.
 *
 * @throws {PiriError} INVALID_ARGUMENT
 */
export function scopeOf(
  flags: Readonly<Record<"failed" | "lost" | "unreachable", boolean>>,
): RerunScope {
  const asked = (["failed", "lost", "unreachable"] as const)
    .filter((name) => flags[name]);
  if (asked.length > 1) {
    throw new PiriError(
      "INVALID_ARGUMENT",
      `Cannot use "--${asked[0]}" with "--${asked[1]}": --failed has them all`,
    );
  }
  switch (asked[0]) {
    case "failed":
      return RerunScope.FAILED;
    case "lost":
      return RerunScope.LOST;
    case "unreachable":
      return RerunScope.UNREACHABLE;
    default:
      return RerunScope.ALL;
  }
}

function timeText({ createdAtMs, finishedAtMs }: Job): string {
  return finishedAtMs === undefined
    ? ""
    : durationText(Math.max(0, Number(finishedAtMs - createdAtMs)));
}

/** `job list`, `job show j-17` and so on: requests to many agents. */
export const job: Group<ManagerServices> = {
  name: "job",
  summary: "list, show and steer jobs: requests to several agents",
  subcommands: [list, show, watch, cancel, pause, resume, rerun],
  synonyms: {
    abort: "piri-manager job cancel",
    add: "piri-manager run",
    follow: "piri-manager job watch",
    ls: "piri-manager job list",
    retry: "piri-manager job rerun",
    start: "piri-manager run",
    status: "piri-manager job show",
    stop: "piri-manager job cancel",
  },
};
