import { decodeHex, encodeHex } from "@std/encoding/hex";
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { ConnectRouter } from "@connectrpc/connect";
import {
  type DriftRuleSchema,
  type PlanEntrySchema,
  PlanEntryState,
  type PlannedStepSchema,
  type PlanSchema,
  PlansService,
  PlanState,
} from "../../proto/gen/piri/control/v1/control_pb.ts";
import type { Manager } from "../manager/operator_api.ts";
import type { DriftRuleView } from "../manager/drift_api.ts";
import type { PlanEntry, PlannedStep, PlanView } from "../manager/plan_api.ts";
import { approvalMessage } from "./approvals_service.ts";
import { identityIn, rightsIn, sightIn } from "./caller.ts";
import {
  limitText,
  requireId,
  requireRange,
  requireText,
  saidIn,
} from "./checks.ts";
import { jobMessage, notesMessage } from "./job_message.ts";
import { limitsOf, noteOf } from "./job_request.ts";
import type { Proofs } from "./proofs.ts";
import { selectionOf } from "./target_message.ts";
import { milliseconds, timestamp } from "./values.ts";

const DEFAULT_LIMIT = 100;
const MAX_LIMIT = 1_000;

/** Most words for steps. */
const MAX_WORDS = 100;

const STATES: Readonly<Record<PlanView["state"], PlanState>> = {
  planning: PlanState.PLANNING,
  open: PlanState.OPEN,
  applying: PlanState.APPLYING,
  applied: PlanState.APPLIED,
  partly: PlanState.PARTLY,
  stale: PlanState.STALE,
  withdrawn: PlanState.WITHDRAWN,
  same: PlanState.SAME,
};

const ENTRY_STATES: Readonly<Record<PlanEntry["state"], PlanEntryState>> = {
  planning: PlanEntryState.PLANNING,
  planned: PlanEntryState.PLANNED,
  same: PlanEntryState.SAME,
  failed: PlanEntryState.FAILED,
  applying: PlanEntryState.APPLYING,
  applied: PlanEntryState.APPLIED,
  refused: PlanEntryState.REFUSED,
  "apply_failed": PlanEntryState.APPLY_FAILED,
  lost: PlanEntryState.LOST,
};

/** Serves the PlansService. */
export function addPlansService(
  router: ConnectRouter,
  { plans, drift }: Manager,
  proofs: Proofs,
): void {
  router.service(PlansService, {
    async makePlan(request, context) {
      const asked = {
        stateName: limitText("state_name", request.stateName),
        targets: selectionOf(request.targets),
        note: noteOf(request.note),
        requestId: requireText("request_id", request.requestId),
        skipDenied: request.skipDenied,
        only: wordsOf(request.only),
        strict: request.strict,
      };
      const asker = await proofs.asker(context, saidIn(request));
      const made = await plans.make({
        ...asked,
        ...asker,
        ...rightsIn(context.values),
      });
      if ("problems" in made) {
        return {
          problems: made.problems.map(({ text, agents }) => ({
            text,
            agents: [...agents],
          })),
        };
      }
      const { plan, notes, without, withoutSteps } = made;
      return {
        plan: planMessage(plan),
        without: [...without],
        withoutSteps: [...withoutSteps],
        ...notes === undefined ? {} : { notes: notesMessage(notes) },
      };
    },
    async getPlan({ id }, { values }) {
      const plan = await plans.get(requireId("id", id), sightIn(values));
      return { plan: planMessage(plan) };
    },
    async listPlans(
      { limit = DEFAULT_LIMIT, beforeId, drift: withDrift },
      { values },
    ) {
      const list = await plans.list({
        limit: requireRange("limit", limit, { least: 1, most: MAX_LIMIT }),
        withDrift,
        ...beforeId === undefined
          ? {}
          : { beforeId: requireId("before_id", beforeId) },
      }, sightIn(values));
      return { plans: list.map(planMessage) };
    },
    async applyPlan(request, context) {
      const id = requireId("id", request.id);
      const asked = {
        limits: limitsOf(request.limits),
        note: noteOf(request.note),
        requestId: requireText("request_id", request.requestId),
        ...request.only.length === 0 ? {} : { only: wordsOf(request.only) },
        strict: request.strict,
        acceptsApproval: request.acceptApproval,
      };
      const asker = await proofs.asker(context, saidIn(request));
      const started = await plans.apply(id, {
        ...asked,
        ...asker,
        ...rightsIn(context.values),
      });
      const { notes } = started;
      return {
        ...("job" in started
          ? { job: jobMessage(started.job) }
          : { approval: approvalMessage(started.approval) }),
        ...notes === undefined ? {} : { notes: notesMessage(notes) },
      };
    },
    async approvePlan(request, context) {
      const id = requireId("id", request.id);
      const { plan, approvals } = await plans.approve(id, {
        ...await proofs.asker(context, saidIn(request)),
        identity: identityIn(context.values),
        note: limitText("note", request.note),
        sha256: encodeHex(request.sha256),
      });
      return {
        plan: planMessage(plan),
        approvals: approvals.map(approvalMessage),
      };
    },
    async withdrawPlan(request, context) {
      const id = requireId("id", request.id);
      const asker = await proofs.asker(context, saidIn(request));
      const plan = await plans.withdraw(id, {
        ...asker,
        ...rightsIn(context.values),
      });
      return { plan: planMessage(plan) };
    },
    async listDrift(_, { values }) {
      const rules = await drift.list(sightIn(values));
      return { rules: rules.map(driftRuleMessage) };
    },
  });
}

/** Words for steps. Throws INVALID_ARGUMENT. */
function wordsOf(only: readonly string[]): readonly string[] {
  requireRange("only", only.length, { least: 0, most: MAX_WORDS });
  return only.map((word) => limitText("only", requireText("only", word)));
}

function driftRuleMessage(
  { groups, nextAt, ...rule }: DriftRuleView,
): MessageInitShape<typeof DriftRuleSchema> {
  return {
    ...rule,
    nextAtMs: milliseconds(nextAt),
    groups: groups.map(({ agents, steps }) => ({
      agents: agents.map(({ agent, since, planId }) => ({
        agent,
        sinceMs: milliseconds(since),
        planId,
      })),
      steps: steps.map(stepMessage),
    })),
  };
}

function planMessage(plan: PlanView): MessageInitShape<typeof PlanSchema> {
  return {
    id: plan.id,
    state: STATES[plan.state],
    stateName: plan.stateName,
    expressions: [...plan.targets.expressions],
    note: plan.note,
    requestedBy: plan.requestedBy,
    saidBy: plan.saidBy,
    createdAtMs: milliseconds(plan.createdAt),
    ...plan.jobId === null ? {} : { jobId: plan.jobId },
    ...timestamp("withdrawnAtMs", plan.withdrawnAt),
    withdrawnBy: plan.withdrawnBy,
    entries: plan.entries.map(entryMessage),
    groups: plan.groups.map(({ agents, steps }) => ({
      agents: [...agents],
      steps: steps.map(stepMessage),
    })),
    only: [...plan.only],
    strict: plan.strict,
    secrets: [...plan.secrets],
    sha256: new Uint8Array(decodeHex(plan.sha256)),
    approvals: plan.votes.map(({ by, note, at }) => ({
      by,
      note,
      atMs: milliseconds(at),
    })),
  };
}

function entryMessage(
  { applyJob, applyCommand, ...entry }: PlanEntry,
): MessageInitShape<typeof PlanEntrySchema> {
  return {
    ...entry,
    state: ENTRY_STATES[entry.state],
    ...applyJob === null ? {} : { applyJob },
    ...applyCommand === null ? {} : { applyCommand },
  };
}

function stepMessage(
  { name, operation, verdict, changes, reason, error, owed }: PlannedStep,
): MessageInitShape<typeof PlannedStepSchema> {
  return {
    name,
    operation,
    verdict,
    changes: changes.map(({ lines, ...change }) => ({ ...change, ...lines })),
    reason: reason ?? "",
    error: error?.message ?? "",
    ...timestamp("owedSinceMs", owed?.since ?? null),
  };
}
