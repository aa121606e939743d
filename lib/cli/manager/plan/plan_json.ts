import {
  PlanEntryState,
  PlanState,
} from "../../../../proto/gen/piri/control/v1/control_enums.ts";
import type {
  Plan,
  PlanEntry,
  PlannedStep,
  PlanProblem,
} from "../../../../proto/gen/piri/control/v1/control_messages.ts";
import { placesJson } from "../command_places.ts";
import { hex, parsed, text, time } from "../json_values.ts";

// What `--json` prints about plans: a contract. Ids are strings, times ISO 8601 in UTC, what is absent null.

const STATES: Readonly<Record<PlanState, string>> = {
  [PlanState.UNSPECIFIED]: "open",
  [PlanState.PLANNING]: "planning",
  [PlanState.OPEN]: "open",
  [PlanState.APPLYING]: "applying",
  [PlanState.APPLIED]: "applied",
  [PlanState.PARTLY]: "partly",
  [PlanState.STALE]: "stale",
  [PlanState.WITHDRAWN]: "withdrawn",
  [PlanState.SAME]: "same",
};

const ENTRY_STATES: Readonly<Record<PlanEntryState, string>> = {
  [PlanEntryState.UNSPECIFIED]: "planning",
  [PlanEntryState.PLANNING]: "planning",
  [PlanEntryState.PLANNED]: "planned",
  [PlanEntryState.SAME]: "same",
  [PlanEntryState.FAILED]: "failed",
  [PlanEntryState.APPLYING]: "applying",
  [PlanEntryState.APPLIED]: "applied",
  [PlanEntryState.REFUSED]: "refused",
  [PlanEntryState.APPLY_FAILED]: "apply_failed",
  [PlanEntryState.LOST]: "lost",
};

/** Name of a plan's state; one that this build does not know yet counts as open. */
export function planStateName({ state }: Plan): string {
  return STATES[state] ?? "open";
}

/** Name of the state of a plan on an agent. */
export function planEntryStateName({ state }: PlanEntry): string {
  return ENTRY_STATES[state] ?? "planning";
}

/** A plan as JSON. */
export function planJson(plan: Plan): Record<string, unknown> {
  return {
    id: `p-${plan.id}`,
    state: planStateName(plan),
    stateName: plan.stateName,
    targets: plan.expressions,
    note: plan.note,
    requestedBy: plan.requestedBy,
    saidBy: text(plan.saidBy),
    createdAt: time(plan.createdAtMs),
    jobId: plan.jobId === undefined ? null : `j-${plan.jobId}`,
    withdrawnAt: time(plan.withdrawnAtMs),
    withdrawnBy: text(plan.withdrawnBy),
    agents: plan.entries.map((entry) => ({
      agent: entry.agent,
      state: planEntryStateName(entry),
      message: text(entry.message),
      ok: entry.counts?.ok ?? 0,
      change: entry.counts?.change ?? 0,
      unknown: entry.counts?.unknown ?? 0,
      failed: entry.counts?.failed ?? 0,
      skipped: entry.counts?.skipped ?? 0,
      sheet: entry.sheet,
      version: text(entry.version),
      applyJob: entry.applyJob === undefined ? null : `j-${entry.applyJob}`,
      applyCommand: entry.applyCommand === undefined
        ? null
        : String(entry.applyCommand),
      applied: entry.applyData === "" ? null : parsed(entry.applyData),
      places: placesJson(entry.places),
    })),
    groups: plan.groups.map(({ agents, steps }) => ({
      agents,
      steps: steps.map(stepJson),
    })),
    only: plan.only,
    strict: plan.strict,
    secrets: plan.secrets,
    sha256: hex(plan.sha256),
    approvals: plan.approvals.map(({ by, note, atMs }) => ({
      by,
      note,
      at: time(atMs),
    })),
  };
}

/** An error of a state as JSON. */
export function planProblemJson(
  { text, agents }: PlanProblem,
): Record<string, unknown> {
  return { problem: text, agents };
}

/** A step of a plan as JSON. */
export function stepJson(step: PlannedStep): Record<string, unknown> {
  return {
    name: step.name,
    operation: step.operation,
    verdict: step.verdict,
    changes: step.changes.map((change) => ({
      what: change.what,
      from: change.from ?? null,
      to: change.to ?? null,
      added: change.added ?? null,
      removed: change.removed ?? null,
      text: change.text ?? null,
    })),
    reason: text(step.reason),
    error: text(step.error),
    owedSince: time(step.owedSinceMs),
    place: step.file === "" ? null : { file: step.file, line: step.line },
  };
}
