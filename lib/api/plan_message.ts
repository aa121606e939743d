import { decodeHex } from "@std/encoding/hex";
import type { MessageInitShape } from "@bufbuild/protobuf";
import {
  type DriftRuleSchema,
  type PlanEntrySchema,
  PlanEntryState,
  type PlannedStepSchema,
  type PlanSchema,
  PlanState,
} from "../../proto/gen/piri/control/v1/control_pb.ts";
import type { DriftRuleView } from "../manager/api/drift_api.ts";
import type {
  PlanEntry,
  PlannedStep,
  PlanView,
} from "../manager/api/plan_api.ts";
import { milliseconds, timestamp } from "./values.ts";

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

/** Message of a rule of drift. */
export function driftRuleMessage(
  { groups, untold, nextAt, toldAt, ...rule }: DriftRuleView,
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
    untold: untold.map(({ agent, since, planId, reason }) => ({
      agent,
      sinceMs: milliseconds(since),
      ...planId === null ? {} : { planId },
      reason,
    })),
    ...timestamp("toldAtMs", toldAt),
  };
}

/** Message of a plan. */
export function planMessage(
  plan: PlanView,
): MessageInitShape<typeof PlanSchema> {
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
  { applyJob, applyCommand, places, ...entry }: PlanEntry,
): MessageInitShape<typeof PlanEntrySchema> {
  return {
    ...entry,
    state: ENTRY_STATES[entry.state],
    places: [...places],
    ...applyJob === null ? {} : { applyJob },
    ...applyCommand === null ? {} : { applyCommand },
  };
}

function stepMessage(
  { name, operation, verdict, changes, reason, error, owed, place }:
    PlannedStep,
): MessageInitShape<typeof PlannedStepSchema> {
  return {
    name,
    operation,
    verdict,
    changes: changes.map(({ lines, ...change }) => ({ ...change, ...lines })),
    reason: reason ?? "",
    error: error?.message ?? "",
    ...timestamp("owedSinceMs", owed?.since ?? null),
    ...place,
  };
}
