import type {
  Approval,
  Command,
  Job,
  ResolvedNotes,
  StartJobRequestInit,
} from "../../../../proto/gen/piri/control/v1/control_messages.ts";
import { foldNames } from "../../../targets/fold_names.ts";
import { ExitCode } from "../../exit_code.ts";
import type { HelpSection } from "../../command.ts";
import type { Output } from "../../output.ts";
import { OutputLost, type Terminal } from "../../terminal.ts";
import { namesOne } from "../hints.ts";
import type { LaunchContext } from "../launch.ts";
import { tellLeftOut } from "../left_out.ts";
import { tellLoss } from "../lost_output.ts";
import { Patience } from "../patience.ts";
import { type Call, RetryingClient } from "../retrying_client.ts";
import { prepareFiles } from "./file_views.ts";
import { jobOfApproval, tellApproval } from "./await_approval.ts";
import { followMany } from "./follow_many.ts";
import { followOne } from "./follow_one.ts";
import { jobJson } from "./job_json.ts";
import { timesOf } from "./views.ts";
import { checkViewFlags, type ViewFlagValues } from "./view_flags.ts";
import { answered } from "../ids.ts";
import { startFailure } from "../start_failure.ts";

/** Help about signals during a job. */
export const WHILE_A_JOB_RUNS: HelpSection = {
  title: "While it runs",
  lines: [
    ["Ctrl-C", "cancel, and wait for the result"],
    [
      "Ctrl-C, several agents",
      "at a terminal: ask whether to cancel, to leave it running or to go on; without an answer within 5 s, cancel",
    ],
    ["Ctrl-C again", "cancel, if it asks; else stop waiting"],
    ["SIGTERM, SIGHUP", "cancel, and wait for the result"],
    ["closed output", "cancel, as when a pipe ends: --detach to let it run"],
  ],
};

/** Help about signals while a job waits for approvals. */
export const WHILE_A_JOB_WAITS: HelpSection = {
  title: "While it waits for approvals",
  lines: [
    ["Ctrl-C, SIGTERM, SIGHUP", "withdraw it: nobody can approve it any more"],
    ["after 1 h", "it is expired"],
    ["--detach", "print the id of the approval, a-7, and do not wait"],
  ],
};

/** Summary of the flag that leaves out denied agents. */
export const SKIP_DENIED =
  "leave out agents on which your rules do not allow it, and print which, instead of an error";

/** Request for a job, as the API takes it. */
export type JobRequest = StartJobRequestInit;

/** A job as an answer to its start. */
export interface StartedJob {
  readonly job?: Job | undefined;
  /** The approval that it waits for, instead of a job. */
  readonly approval?: Approval | undefined;
  readonly notes?: ResolvedNotes | undefined;
}

/** Start of a job. */
export interface JobLaunch {
  /** Sends the request. Must be idempotent, because it may be sent again. */
  readonly start: Call<StartedJob>;
  /** Adds a hint to the error of an answer. */
  readonly explain?: <T>(answer: Promise<T>) => Promise<T>;
  /** Exit code for the command of a single agent; that of its end by default. */
  readonly exitCodeOf?: (commands: readonly Command[]) => number;
}

/** Connection and output of the start of a job. */
export interface JobContext extends Omit<LaunchContext, "flags"> {
  readonly flags: ViewFlagValues & { readonly detach: boolean };
}

/** Starts a job and shows it until it ends; with `--detach` prints its id only. Returns the exit code. */
export async function launchJob(
  { start, explain = (answer) => answer, exitCodeOf }: JobLaunch,
  context: JobContext,
): Promise<number> {
  const { connect, flags, json, terminal, output } = context;
  checkViewFlags(flags, { json });
  await using _files = await prepareFiles(context);
  // A Manager that is not there at all is told at once; only for one that goes away is it worth to wait.
  (await connect())[Symbol.dispose]();
  const client = new RetryingClient(connect, terminal);
  let note = (text: string): void => void output.note(text);
  using patience = new Patience(terminal, {
    detach: flags.detach,
    listLine: "piri-manager job list",
    asks: terminal.hasKeyboard && terminal.stderr.isTerminal,
    note: (text) => note(text),
  });
  const answer = await explain(
    client.call(start, {
      signal: patience.signal,
      failure: startFailure("piri-manager job list"),
    }),
  );
  if (answer.notes !== undefined) await tellNotes(answer.notes, output);
  const { approval } = answer;
  if (approval !== undefined && flags.detach) {
    return await tellApproval(approval, output);
  }
  const job = approval === undefined
    ? answered(answer.job, "start a job")
    : await jobOfApproval(approval, { client, patience, output });
  if (flags.detach) return await printId(job, { output, terminal, json });
  const parts = { client, patience, ...context };
  if (isForOne(job)) {
    const { raw, color: colour } = flags;
    const ends = exitCodeOf === undefined ? {} : { exitCodeOf };
    const times = timesOf(flags);
    return await followOne(job, {
      ...parts,
      raw,
      colour,
      times,
      ...ends,
    });
  }
  return await followMany(job, {
    ...parts,
    onNote: (show) => note = show,
    cancelsUnseen: true,
  });
}

/** True for a job whose targets are the name of one agent: it is shown as a single command is. */
export function isForOne({ targets }: Job): boolean {
  return targets !== undefined && namesOne(targets.expressions) &&
    targets.exclude.length === 0 && targets.limit.case === undefined;
}

async function tellNotes(notes: ResolvedNotes, output: Output): Promise<void> {
  await tellLeftOut(notes, output);
  const denied = notes.denied.length;
  if (denied > 0) {
    await output.note(
      `left out as denied: ${denied === 1 ? "1 agent" : `${denied} agents`}: ${
        foldNames(notes.denied)
      }`,
    );
  }
  if (notes.expected.length === 0) return;
  await output.note(
    `waiting for ${
      foldNames(notes.expected)
    }, which the Manager expects back after its restart`,
  );
}

async function printId(
  job: Job,
  { output, terminal, json }: {
    output: Output;
    terminal: Terminal;
    json: boolean;
  },
): Promise<number> {
  try {
    await output.either(jobJson(job), `j-${job.id}`);
    return ExitCode.ok;
  } catch (error) {
    if (!(error instanceof OutputLost)) throw error;
    return await tellLoss(error, `started: job j-${job.id}`, {
      terminal,
      json,
      exitCode: ExitCode.ok,
    });
  }
}
