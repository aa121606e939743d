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
import { rightsIn, sightIn } from "./caller.ts";
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

const STATES: Readonly<Record<PlanView["state"], PlanState>> = {
  planning: PlanState.PLANNING,
  open: PlanState.OPEN,
  applying: PlanState.APPLYING,
  applied: PlanState.APPLIED,
  partly: PlanState.PARTLY,
  stale: PlanState.STALE,
  withdrawn: PlanState.WITHDRAWN,
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
      const { plan, notes, without } = made;
      return {
        plan: planMessage(plan),
        without: [...without],
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
      };
      const asker = await proofs.asker(context, saidIn(request));
      const { job, notes } = await plans.apply(id, {
        ...asked,
        ...asker,
        ...rightsIn(context.values),
      });
      return {
        job: jobMessage(job),
        ...notes === undefined ? {} : { notes: notesMessage(notes) },
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
