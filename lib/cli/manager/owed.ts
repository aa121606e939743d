import type {
  Command,
  Job,
} from "../../../proto/gen/piri/control/v1/control_messages.ts";
import { foldNames } from "../../targets/fold_names.ts";
import { defineSubcommand } from "../command.ts";
import { HintedError } from "../errors.ts";
import { ExitCode } from "../exit_code.ts";
import { askOver, commandPlaces } from "./command_places.ts";
import { answered } from "./ids.ts";
import { jobOfApproval } from "./job/await_approval.ts";
import { entryText, labelOf } from "./job/entry_state.ts";
import { type JobRequest, SKIP_DENIED } from "./job/launch_job.ts";
import { allEntries } from "./job_ids.ts";
import { tellLeftOut } from "./left_out.ts";
import {
  type Debt,
  debtJson,
  debtPlaceText,
  debtsOf,
  whyText,
  withPlaces,
} from "./owed_debts.ts";
import { beginWaiting, type PlanContext } from "./plan/begin_waiting.ts";
import { unlessUnread } from "./lost_output.ts";
import { followPlan } from "./plan/follow_plan.ts";
import type { Control, ManagerServices } from "./services.ts";
import { signatureOf } from "./signature.ts";
import {
  selectionOf,
  TARGET_FLAGS,
  TARGET_HELP,
  withTargetHint,
} from "./target_flags.ts";
import { startFailure } from "./start_failure.ts";

/** Commands that are read at a time. */
const PAGE = 1_000;

/** `owed`: lists what runs of states still owe to hosts, and forgives it. */
export const owed = defineSubcommand({
  name: "owed",
  summary: "list restarts and the like that are owed after a failed apply",
  positionals: {
    target: {
      type: "any",
      summary:
        "target expressions, by default all agents that are connected; with --forgive: an agent and its steps",
    },
  },
  flags: {
    forgive: {
      type: "boolean",
      summary: "forgive what is owed to these steps of the agent",
    },
    state: {
      type: "string",
      value: "NAME",
      mayBeEmpty: true,
      summary: "only of this state; '' is the whole state of an agent",
    },
    note: { type: "string", value: "TEXT", summary: "note, for people" },
    "skip-denied": { type: "boolean", summary: SKIP_DENIED },
    ...TARGET_FLAGS,
  },
  more: [
    {
      title: "What is owed",
      lines: [
        ["a reaction", "a step by onchanges, restart_on, reload_on or changed"],
        ["is owed", "from the change that it reacts to until it has succeeded"],
        ["is made up for", "by the next apply of that state, or forgiven"],
        ["--forgive", "no run does it any more: names, their ends, or with *"],
      ],
    },
    TARGET_HELP,
  ],
  examples: [
    "",
    "'@web' --json",
    "--forgive web-1 'Web server:Service'",
    "--forgive web-1 '*' --state web",
  ],
  async execute(invocation, services: ManagerServices) {
    const { positionals, flags, dir, output, terminal, json } = invocation;
    const [first, ...steps] = positionals.target;
    if (flags.forgive) requireSteps(first, steps);
    const expressions = flags.forgive ? [first ?? ""] : positionals.target;
    const isAll = expressions.length === 0 &&
      flags["targets-file"] === undefined;
    const targets = await selectionOf(
      isAll ? ["all"] : expressions,
      isAll ? { ...flags, connected: true } : flags,
      invocation,
    );
    const context = {
      connect: () => services.connect(dir),
      json,
      terminal,
      output,
    };
    const { state } = flags;
    const { job, exitCode } = await runJob({
      targets,
      operation: flags.forgive ? "state.Forgive" : "state.Owed",
      params: JSON.stringify(
        flags.forgive ? { steps, ...state === undefined ? {} : { state } } : {},
      ),
      skipDenied: flags["skip-denied"],
      note: flags.note ?? "",
      acceptApproval: true,
      ...signatureOf(terminal),
    }, context);
    using control = await context.connect();
    const commands = await commandsOf(job.id, control);
    const told = commands.map((command) => ({
      command,
      debts: debtsOf(command, flags.forgive ? "forgiven" : "owed"),
    })).filter(({ debts }) => debts.length > 0);
    const places = await commandPlaces(
      told.map(({ command }) => command),
      askOver(control),
    );
    const debts = told.flatMap(({ command, debts }) =>
      withPlaces(debts, places.get(command.id) ?? [])
    ).filter((debt) => state === undefined || debt.state === state);
    await tellFailures(job, control, output);
    if (!flags.forgive) await unlessUnread(tellDebts(debts, output));
    for (const debt of flags.forgive ? debts : []) {
      await output.either(
        debtJson(debt),
        `forgave what is owed to "${debt.step}" on ${debt.agent}, as ${
          whyText(debt)
        }`,
      );
    }
    if (debts.length === 0 && exitCode === ExitCode.ok) {
      await output.note("nothing is owed");
    }
    return exitCode;
  },
});

async function tellDebts(
  debts: readonly Debt[],
  output: PlanContext["output"],
): Promise<void> {
  if (debts.length === 0) return;
  const isNamed = debts.some(({ state }) => state !== "");
  await output.list(debts, {
    json: debtJson,
    columns: {
      AGENT: ({ agent }) => agent,
      ...isNamed
        ? { STATE: ({ state }: Debt) => state === "" ? "(whole)" : state }
        : {},
      STEP: ({ step }) => step,
      SINCE: ({ since }) => output.time(BigInt(since)),
      WHY: whyText,
      ...debts.some(({ place }) => place !== undefined)
        ? { PLACE: debtPlaceText }
        : {},
    },
  });
}

/** Starts a job and waits for its end. */
async function runJob(
  request: JobRequest,
  context: PlanContext,
): Promise<{ readonly job: Job; readonly exitCode: number }> {
  const { output } = context;
  const listLine = "piri-manager job list";
  using waiting = await beginWaiting(context, { listLine });
  const { client, patience, follow } = waiting;
  const answer = await withTargetHint(
    client.call(
      (control, { signal }) => control.jobs.startJob(request, { signal }),
      {
        signal: patience.signal,
        failure: startFailure(listLine),
      },
    ),
    request.targets,
  );
  if (answer.notes !== undefined) await tellLeftOut(answer.notes, output);
  const { approval } = answer;
  const job = approval === undefined
    ? answered(answer.job, "start a job")
    : await jobOfApproval(approval, { client, patience, output });
  const { exitCode } = await followPlan(job, follow);
  return { job, exitCode };
}

/** Says which agents could not be asked, and why: agents with the same reason once. */
async function tellFailures(
  job: Job,
  control: Control,
  output: PlanContext["output"],
): Promise<void> {
  const failed = new Map<string, string[]>();
  for await (const entry of allEntries(control, job.id)) {
    if (labelOf(entry) === "succeeded") continue;
    const text = entryText(entry, job);
    failed.set(text, [...failed.get(text) ?? [], entry.agent]);
  }
  for (const [text, agents] of failed) {
    await output.note(`${foldNames(agents)}: ${text}`);
  }
}

async function commandsOf(
  jobId: bigint,
  control: Control,
): Promise<readonly Command[]> {
  const all: Command[] = [];
  for (;;) {
    const last = all.at(-1);
    const { commands } = await control.commands.listCommands({
      jobId,
      limit: PAGE,
      ...last === undefined ? {} : { beforeId: last.id },
    });
    all.push(...commands);
    if (commands.length < PAGE) break;
  }
  return all.toSorted((one, other) => one.agent < other.agent ? -1 : 1);
}

function requireSteps(
  agent: string | undefined,
  steps: readonly string[],
): void {
  if (agent !== undefined && steps.length > 0) return;
  throw new HintedError(
    "INVALID_ARGUMENT",
    agent === undefined
      ? "Cannot forgive: neither an agent nor steps are given"
      : `Cannot forgive what is owed on ${agent}: no step is given`,
    "piri-manager owed lists the steps; '*' means all of them",
  );
}
