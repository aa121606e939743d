import { PlanEntryState } from "../../../proto/gen/piri/control/v1/control_enums.ts";
import { PiriError } from "../../base/errors.ts";
import { defineSubcommand } from "../command.ts";
import { ExitError, HintedError } from "../errors.ts";
import { ExitCode, worst } from "../exit_code.ts";
import type { Terminal } from "../terminal.ts";
import { canAsk, confirmed } from "./confirmed.ts";
import {
  SKIP_DENIED,
  WHILE_A_JOB_RUNS,
  WHILE_A_JOB_WAITS,
} from "./job/launch_job.ts";
import { LIMIT_FLAGS, limitsOf } from "./job/limit_flags.ts";
import { applyPlan } from "./plan/apply_plan.ts";
import { makePlan } from "./plan/make_plan.ts";
import { planJson } from "./plan/plan_json.ts";
import { planLines, planSummary } from "./plan/plan_text.ts";
import {
  isPlanId,
  parsePlanId,
  STATE_AND_TARGETS,
  stateAndTargets,
  STEP_FLAGS,
  STEP_HELP,
} from "./plan/plan_words.ts";
import type { ManagerServices } from "./services.ts";
import { signatureOf } from "./signature.ts";
import {
  agentsText,
  selectionOf,
  TARGET_FLAGS,
  TARGET_HELP,
} from "./target_flags.ts";

/** Help without --detach: an apply that is left goes on. */
const WITHOUT_DETACH = {
  ...WHILE_A_JOB_WAITS,
  lines: WHILE_A_JOB_WAITS.lines.filter(([term]) => term !== "--detach"),
};

const { supersede: _, ...LIMITS } = LIMIT_FLAGS;

/** `apply p-17`, `apply STATE EXPR`: does what a plan says. */
export const apply = defineSubcommand({
  name: "apply",
  summary: "make hosts be as their states say, exactly as planned",
  positionals: {
    target: {
      type: "any",
      summary: `id of a plan: p-17; or ${STATE_AND_TARGETS}`,
    },
  },
  flags: {
    yes: {
      type: "boolean",
      summary: "do not ask, with a state: apply whatever the plan is",
    },
    diff: {
      type: "boolean",
      summary: "with a state: show the lines of texts that change, too",
    },
    ...STEP_FLAGS,
    note: { type: "string", value: "TEXT", summary: "note, for people" },
    "skip-denied": { type: "boolean", summary: SKIP_DENIED },
    ...LIMITS,
    ...TARGET_FLAGS,
  },
  more: [STEP_HELP, WHILE_A_JOB_RUNS, WITHOUT_DETACH, TARGET_HELP],
  examples: [
    "p-17",
    "p-17 --batch 10% --max-failures 2",
    "p-17 --only 'Web server:*' --strict",
    "web '@web'",
    "all --yes",
  ],
  async execute(invocation, services: ManagerServices) {
    const { positionals, flags, fromSettings, dir, output, terminal, json } =
      invocation;
    const context = {
      connect: () => services.connect(dir),
      json,
      terminal,
      output,
    };
    const asked = {
      limits: limitsOf({ ...flags, supersede: undefined }),
      note: flags.note ?? "",
      only: [...flags.only],
      strict: flags.strict,
    };
    const [word = "", ...others] = positionals.target;
    if (isPlanId(word) && others.length === 0) {
      requireNoTargets(flags, { word, fromSettings });
      const id = parsePlanId(word);
      return await applyPlan({ id, ...asked }, context);
    }
    const { stateName, expressions } = stateAndTargets(positionals.target);
    const targets = await selectionOf(expressions, flags, invocation);
    if (!flags.yes) requireKeyboard(terminal, json);
    const { plan, exitCode, isCancelled } = await makePlan({
      stateName,
      targets,
      note: flags.note ?? "",
      skipDenied: flags["skip-denied"],
      only: [...flags.only],
      strict: flags.strict,
      ...signatureOf(terminal),
    }, context);
    if (plan === undefined) return exitCode;
    if (isCancelled) throw cancelled(plan.id, exitCode);
    if (!json) await output.paragraphs(planLines(plan, flags));
    await output.note(planSummary(plan));
    const left = plan.entries.filter(({ state }) =>
      state === PlanEntryState.PLANNED
    );
    if (left.length === 0) {
      if (json) await output.value(planJson(plan));
      return exitCode;
    }
    const question = `apply p-${plan.id} on ${agentsText(left.length)}?`;
    if (!flags.yes && !await confirmed(question, terminal)) {
      throw new HintedError(
        "CANCELLED",
        `Cannot apply plan p-${plan.id}: the answer was no`,
        `piri-manager apply p-${plan.id}`,
      );
    }
    return worst([
      await applyPlan({ id: plan.id, ...asked }, context) as ExitCode,
      exitCode as ExitCode,
    ]);
  },
});

/** Error for a plan that somebody ended while hosts were looked at. */
function cancelled(id: bigint, exitCode: number): ExitError {
  return new ExitError(
    new HintedError(
      "CANCELLED",
      `Cannot apply plan p-${id}: it was cancelled while hosts were looked at; nothing was changed`,
      `piri-manager apply p-${id} applies it where it was made`,
    ),
    exitCode === ExitCode.ok ? ExitCode.cancelled : exitCode,
  );
}

function requireNoTargets(
  flags: {
    readonly exclude: readonly string[];
    readonly connected: boolean;
    readonly limit: string | undefined;
    readonly "targets-file": string | undefined;
  },
  { word, fromSettings }: {
    readonly word: string;
    readonly fromSettings: ReadonlySet<string>;
  },
): void {
  const isNarrowed = {
    exclude: flags.exclude.length > 0,
    connected: flags.connected,
    limit: flags.limit !== undefined,
    "targets-file": flags["targets-file"] !== undefined,
  };
  const isTyped = Object.entries(isNarrowed)
    .some(([name, narrows]) => narrows && !fromSettings.has(name));
  if (!isTyped) return;
  throw new PiriError(
    "INVALID_ARGUMENT",
    `Cannot choose agents of ${word}: a plan is for the agents that it was made for`,
  );
}

function requireKeyboard(terminal: Terminal, json: boolean): void {
  if (canAsk(terminal, json)) return;
  throw new HintedError(
    "INVALID_ARGUMENT",
    "Cannot ask whether to apply the plan: there is no terminal, or --json is given",
    "--yes does not ask; or piri-manager plan, and then piri-manager apply p-17",
  );
}
