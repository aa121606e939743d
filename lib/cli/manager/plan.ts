import { encodeHex } from "@std/encoding/hex";
import {
  ApprovalState,
  PlanEntryState,
} from "../../../proto/gen/piri/control/v1/control_enums.ts";
import { PiriError } from "../../base/errors.ts";
import { defineSubcommand, type Group } from "../command.ts";
import { HintedError } from "../errors.ts";
import { ExitCode } from "../exit_code.ts";
import { approvalJson, approvedLine } from "./approval_text.ts";
import { hashOf, rejectedLine, WHO_DECIDES } from "./approve.ts";
import { canAsk, confirmed } from "./confirmed.ts";
import { answered } from "./ids.ts";
import { SKIP_DENIED } from "./job/launch_job.ts";
import { unlessUnread } from "./lost_output.ts";
import { getPlan, makePlan } from "./plan/make_plan.ts";
import { planJson } from "./plan/plan_json.ts";
import {
  appliedLines,
  planLines,
  planStateText,
  planSummary,
  wouldChange,
} from "./plan/plan_text.ts";
import {
  parsePlanId,
  STATE_AND_TARGETS,
  stateAndTargets,
  STEP_FLAGS,
  STEP_HELP,
} from "./plan/plan_words.ts";
import { rejectPlan } from "./plan/reject_plan.ts";
import type { ManagerServices } from "./services.ts";
import { signatureOf, userOf } from "./signature.ts";
import {
  agentsText,
  selectionOf,
  TARGET_FLAGS,
  TARGET_HELP,
} from "./target_flags.ts";

const ID = {
  id: { type: "one", summary: "id of the plan: p-17" },
} as const;

const DIFF = {
  type: "boolean",
  summary: "show the lines of texts that change, too",
} as const;

const make = defineSubcommand({
  name: "plan",
  summary: "tell what states would change on agents; changes nothing",
  positionals: { target: { type: "any", summary: STATE_AND_TARGETS } },
  flags: {
    diff: DIFF,
    "exit-code": {
      type: "boolean",
      summary: "exit with 10 if something would change, or cannot be told",
    },
    ...STEP_FLAGS,
    note: { type: "string", value: "TEXT", summary: "note, for people" },
    "skip-denied": { type: "boolean", summary: SKIP_DENIED },
    ...TARGET_FLAGS,
  },
  more: [
    {
      title: "Plans",
      lines: [
        ["plan show p-17", "show a plan, and how far it was applied"],
        ["plan list", "list the plans"],
        ["plan approve p-17", "approve of exactly this plan"],
        ["plan reject p-17 REASON", "reject all that wait to apply it"],
        ["plan withdraw p-17", "let no agent begin it any more"],
        ["apply p-17", "do what it says: within 24 h, and once on each agent"],
      ],
    },
    {
      title: "In front of a step",
      lines: [
        ["~", "it would change"],
        ["?", "it cannot be told yet, as it depends on what was not done"],
        ["!", "it cannot be done"],
      ],
    },
    STEP_HELP,
    TARGET_HELP,
  ],
  examples: [
    "all",
    "web '@web'",
    "web '@web' --diff",
    "all --exit-code",
    "all --only 'Web server:*' --strict",
  ],
  async execute(invocation, services: ManagerServices) {
    const { positionals, flags, dir, output, terminal, json } = invocation;
    const { stateName, expressions } = stateAndTargets(positionals.target);
    const targets = await selectionOf(expressions, flags, invocation);
    const { plan, exitCode } = await makePlan({
      stateName,
      targets,
      note: flags.note ?? "",
      skipDenied: flags["skip-denied"],
      only: [...flags.only],
      strict: flags.strict,
      ...signatureOf(terminal),
    }, { connect: () => services.connect(dir), json, terminal, output });
    if (plan === undefined) return exitCode;
    await unlessUnread(
      output.report(planJson(plan), planLines(plan, flags)),
    );
    const isOpen = plan.entries.some(({ state }) =>
      state === PlanEntryState.PLANNED
    );
    await output.note(
      isOpen
        ? `${planSummary(plan)}; piri-manager apply p-${plan.id} does that`
        : planSummary(plan),
    );
    return exitCode === ExitCode.ok && flags["exit-code"] && wouldChange(plan)
      ? ExitCode.wouldChange
      : exitCode;
  },
});

const show = defineSubcommand({
  name: "show",
  summary: "show a plan, and how far it was applied",
  positionals: ID,
  flags: { diff: DIFF },
  examples: ["p-17", "p-17 --diff", "p-17 --json"],
  async execute(
    { positionals, flags, dir, output },
    services: ManagerServices,
  ) {
    const id = parsePlanId(positionals.id);
    const plan = await getPlan(id, () => services.connect(dir));
    const applied = [...appliedLines(plan)];
    await output.report(planJson(plan), [
      ...planLines(plan, flags),
      ...applied.length === 0 ? [] : ["", ...applied],
      ...plan.sha256.length === 0
        ? []
        : ["", `sha256: ${encodeHex(plan.sha256)}`],
    ]);
    await output.note(planSummary(plan));
    return ExitCode.ok;
  },
});

const list = defineSubcommand({
  name: "list",
  summary: "list the plans, newest first",
  positionals: {},
  flags: {
    limit: {
      type: "number",
      value: "N",
      summary: "number of plans, at most 1000 (default: 100)",
      least: 1,
      most: 1_000,
    },
    before: {
      type: "string",
      value: "ID",
      summary: "only plans before this one",
    },
    drift: {
      type: "boolean",
      summary: "also those that rules of drift made",
    },
  },
  examples: ["", "--limit 10", "--json"],
  async execute({ flags, dir, output }, services: ManagerServices) {
    const { limit, before, drift } = flags;
    using control = await services.connect(dir);
    const { plans } = await control.plans.listPlans({
      drift,
      ...limit === undefined ? {} : { limit },
      ...before === undefined ? {} : { beforeId: parsePlanId(before) },
    });
    await output.list(plans, {
      json: planJson,
      columns: {
        ID: ({ id }) => `p-${id}`,
        STATE: planStateText,
        OF: ({ stateName }) => stateName === "" ? "(whole)" : stateName,
        AGENTS: ({ entries }) => agentsText(entries.length),
        CREATED: ({ createdAtMs }) => output.time(createdAtMs),
        BY: ({ requestedBy }) => requestedBy,
        ON: ({ expressions }) => expressions.join(" "),
        NOTE: ({ note }) => note,
      },
    });
    return ExitCode.ok;
  },
});

const withdraw = defineSubcommand({
  name: "withdraw",
  summary: "let no agent begin a plan any more",
  positionals: ID,
  flags: {},
  examples: ["p-17"],
  async execute(
    { positionals, dir, output, terminal },
    services: ManagerServices,
  ) {
    const id = parsePlanId(positionals.id);
    using control = await services.connect(dir);
    const { plan } = await control.plans.withdrawPlan({
      id,
      requestedBy: userOf(terminal),
    });
    await output.either(
      planJson(answered(plan, `withdraw plan p-${id}`)),
      `withdrew p-${id}`,
    );
    return ExitCode.ok;
  },
});

const approve = defineSubcommand({
  name: "approve",
  summary: "approve of exactly this plan, after it was shown",
  positionals: ID,
  flags: {
    diff: DIFF,
    yes: { type: "boolean", summary: "do not ask" },
    sha256: {
      type: "string",
      value: "HASH",
      summary:
        "SHA-256 of the plan that was looked at; does not ask, and refuses if it has another",
    },
    note: { type: "string", value: "TEXT", summary: "note, for people" },
  },
  more: [
    {
      title: "What it approves of",
      lines: [
        ["an apply that waits", "whoever asked for it waits for approvals"],
        ["any apply later", "by anybody else, while the plan can be applied"],
      ],
    },
    WHO_DECIDES,
  ],
  examples: ["p-17", "p-17 --diff", "p-17 --yes --note 'as agreed'"],
  async execute(
    { positionals, flags, dir, json, output, terminal },
    services: ManagerServices,
  ) {
    const id = parsePlanId(positionals.id);
    const asked = hashOf(flags.sha256 ?? "");
    const asks = !flags.yes && asked.length === 0;
    if (asks && !canAsk(terminal, json)) {
      throw new HintedError(
        "INVALID_ARGUMENT",
        "Cannot ask whether to approve the plan: there is no terminal, or --json is given",
        "--yes does not ask; or --sha256 HASH, which piri-manager plan show has",
      );
    }
    const shown = await getPlan(id, () => services.connect(dir));
    if (!json) await output.paragraphs(planLines(shown, flags));
    if (asks && !await confirmed(`approve p-${id}?`, terminal)) {
      throw new PiriError(
        "CANCELLED",
        `Cannot approve plan p-${id}: the answer was no`,
      );
    }
    using control = await services.connect(dir);
    const { plan, approvals } = await control.plans.approvePlan({
      id,
      note: flags.note ?? "",
      // Binds the approval to the plan that was shown.
      sha256: asked.length > 0 ? asked : shown.sha256,
      requestedBy: userOf(terminal),
    });
    if (json) await output.value(planJson(answered(plan, `approve p-${id}`)));
    for (const approval of json ? [] : approvals) {
      await output.line(approvedLine(approval));
    }
    if (!json && approvals.length === 0) {
      await output.line(`approved p-${id} for whoever else applies it`);
    }
    return approvals.some(({ state }) => state === ApprovalState.REFUSED)
      ? ExitCode.refused
      : ExitCode.ok;
  },
});

const reject = defineSubcommand({
  name: "reject",
  summary: "refuse this plan, to all who wait to apply it",
  positionals: {
    ...ID,
    reason: { type: "one", summary: "reason, which who asked is told" },
  },
  flags: {},
  more: [WHO_DECIDES],
  examples: ["p-17 'web-2 is not ready'"],
  async execute(
    { positionals, dir, output, terminal },
    services: ManagerServices,
  ) {
    const id = parsePlanId(positionals.id);
    const { reason } = positionals;
    using control = await services.connect(dir);
    const said = { control, reason, requestedBy: userOf(terminal) };
    for (const approval of await rejectPlan(id, said)) {
      await output.either(approvalJson(approval), rejectedLine(approval));
    }
    return ExitCode.ok;
  },
});

/** `plan STATE EXPR`, and `plan show p-17` and so on: what states would change. */
export const plan: Group<ManagerServices> = {
  name: "plan",
  summary: "tell what states would change on agents; list and show plans",
  itself: make,
  subcommands: [show, list, approve, reject, withdraw],
};
