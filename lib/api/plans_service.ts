import { encodeHex } from "@std/encoding/hex";
import type { ConnectRouter } from "@connectrpc/connect";
import { PlansService } from "../../proto/gen/piri/control/v1/control_pb.ts";
import type { Manager } from "../manager/api/operator_api.ts";
import { approvalMessage } from "./approvals_service.ts";
import { identityIn, rightsIn, sightIn } from "./caller.ts";
import {
  limitText,
  requireId,
  requireItems,
  requireRange,
  requireText,
  saidIn,
} from "./checks.ts";
import { jobMessage, notesMessage } from "./job_message.ts";
import { limitsOf, noteOf } from "./job_request.ts";
import { driftRuleMessage, planMessage } from "./plan_message.ts";
import type { Proofs } from "./proofs.ts";
import { selectionOf } from "./target_message.ts";

const DEFAULT_LIMIT = 100;
const MAX_LIMIT = 1_000;

/** Most words for steps. */
const MAX_WORDS = 100;

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
    async getStepPlaces({ commands }, { values }) {
      const wanted = new Map(
        requireItems("commands", commands).map(({ commandId, steps }) => {
          requireRange("steps", steps.length, { least: 0, most: MAX_LIMIT });
          return [requireId("command_id", commandId), steps] as const;
        }),
      );
      const places = await plans.placesOf(wanted, sightIn(values));
      return {
        commands: [...places].map(([commandId, places]) => ({
          commandId,
          places: [...places],
        })),
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
