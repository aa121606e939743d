import type { Approval } from "../../../proto/gen/piri/control/v1/control_messages.ts";
import { approvalName } from "../../base/approval_name.ts";
import { askerText } from "../../base/asker.ts";
import { planIn } from "../../base/plan_name.ts";
import { defineSubcommand, type Group } from "../command.ts";
import { ExitCode } from "../exit_code.ts";
import {
  approvalFacts,
  approvalJson,
  approvalStateName,
  parseApprovalId,
  votesText,
  workText,
} from "./approval_text.ts";
import { APPROVAL_ID } from "./approve.ts";
import { getPlan } from "./plan/make_plan.ts";
import { planLines } from "./plan/plan_text.ts";
import { parsePlanId } from "./plan/plan_words.ts";
import type { ManagerServices } from "./services.ts";
import { userOf } from "./signature.ts";
import { answered } from "./ids.ts";

const list = defineSubcommand({
  name: "list",
  summary: "list jobs that wait for approvals, newest first",
  positionals: {},
  flags: {
    all: { type: "boolean", summary: "those that have ended, too" },
    limit: {
      type: "number",
      value: "COUNT",
      summary: "most to list (default: 100)",
      least: 1,
      most: 1_000,
    },
  },
  examples: ["", "--all --json"],
  async execute({ flags, dir, output }, services: ManagerServices) {
    using control = await services.connect(dir);
    const { approvals } = await control.approvals.listApprovals({
      waiting: !flags.all,
      ...flags.limit === undefined ? {} : { limit: flags.limit },
    });
    await output.list(approvals, {
      json: approvalJson,
      columns: {
        ID: ({ id }) => approvalName(id),
        STATE: approvalStateName,
        APPROVED: votesText,
        BY: askerText,
        UNTIL: ({ expiresAtMs }) => output.fullTime(expiresAtMs),
        JOB: ({ jobId }) => jobId === undefined ? "" : `j-${jobId}`,
        WORK: workText,
      },
    });
    return ExitCode.ok;
  },
});

const show = defineSubcommand({
  name: "show",
  summary: "show a job that waits, and exactly what would run",
  positionals: { approval: APPROVAL_ID },
  flags: {
    diff: {
      type: "boolean",
      summary: "of a plan: show the lines of texts that change, too",
    },
  },
  examples: ["a-7", "a-7 --json"],
  async execute(
    { positionals, flags, dir, json, output, terminal },
    services: ManagerServices,
  ) {
    const id = parseApprovalId(positionals.approval);
    using control = await services.connect(dir);
    const { approval } = await control.approvals.getApproval({ id });
    const found = answered(approval, `show ${approvalName(id)}`);
    if (json) {
      await output.value(approvalJson(found));
      return ExitCode.ok;
    }
    await output.facts(approvalFacts(found, terminal.clock.now()));
    const plan = planOf(found);
    if (plan === undefined) return ExitCode.ok;
    await output.line("");
    const connect = () => services.connect(dir);
    await output.paragraphs(planLines(await getPlan(plan, connect), flags));
    return ExitCode.ok;
  },
});

/** Plan that a job applies which waits; undefined for another job. */
function planOf({ operation, params }: Approval): bigint | undefined {
  const plan = planIn(operation, params);
  return plan === undefined ? undefined : parsePlanId(plan);
}

const withdraw = defineSubcommand({
  name: "withdraw",
  summary: "end a job of yours that waits",
  positionals: { approval: APPROVAL_ID },
  flags: {},
  examples: ["a-7"],
  async execute(
    { positionals, dir, output, terminal },
    services: ManagerServices,
  ) {
    const id = parseApprovalId(positionals.approval);
    using control = await services.connect(dir);
    const requestedBy = userOf(terminal);
    const { approval } = await control.approvals.withdraw({ id, requestedBy });
    const now = answered(approval, `withdraw ${approvalName(id)}`);
    await output.either(approvalJson(now), `withdrew ${approvalName(id)}`);
    return ExitCode.ok;
  },
});

/** `approval list|show|withdraw`: jobs that wait until others approve of them. */
export const approval: Group<ManagerServices> = {
  name: "approval",
  summary: "list, show or withdraw jobs that wait for approvals",
  subcommands: [list, show, withdraw],
  synonyms: {
    accept: "piri-manager approve",
    approve: "piri-manager approve",
    cancel: "piri-manager approval withdraw",
    deny: "piri-manager reject",
    ls: "piri-manager approval list",
    reject: "piri-manager reject",
  },
};
