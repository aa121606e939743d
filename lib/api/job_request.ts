import {
  type GivenSecret,
  type JobLimits as JobLimitsMessage,
  JobOrder,
  type ListJobsRequest,
  RerunScope as RerunScopeNumber,
  type Share as ShareMessage,
  type StartJobRequest,
} from "../../proto/gen/piri/control/v1/control_pb.ts";
import type { Asker } from "../base/asker.ts";
import { checkSecret, isGiven } from "../base/masking/secret_text.ts";
import { Sealed } from "../base/sealed.ts";
import type { ApprovableRequest } from "../manager/api/approval_api.ts";
import type { JobRequest, RerunScope } from "../manager/api/job_api.ts";
import type { JobFilter, JobLimits, Share } from "../store/job_records.ts";
import {
  invalid,
  limitText,
  requireId,
  requireJsonObject,
  requireRange,
  requireText,
} from "./checks.ts";
import { onDisconnectOf, timeoutOf } from "./command_request.ts";
import { jobStateName } from "./job_message.ts";
import { signedOf } from "./signed_message.ts";
import { selectionOf } from "./target_message.ts";

const DEFAULT_LIMIT = 100;
const MAX_LIMIT = 1_000;

/** Longest note of a job, in characters. */
const MAX_NOTE = 1_000;

/** Longest time of a limit, in milliseconds: ten years. */
const MAX_MS = 315_360_000_000;

/**
 * A request for a job.
 *
 * @throws {PiriError} INVALID_ARGUMENT
 */
export function jobRequestOf(
  request: StartJobRequest,
): Omit<ApprovableRequest, keyof Asker> {
  return {
    targets: selectionOf(request.targets),
    operation: requireText("operation", request.operation),
    params: requireJsonObject("params", request.params),
    timeoutMs: timeoutOf(request.timeoutMs),
    onDisconnect: onDisconnectOf(request.onDisconnect),
    killAfterMs: request.killAfterMs,
    survive: request.survive,
    limits: limitsOf(request.limits),
    name: limitText("name", request.name),
    note: noteOf(request.note),
    requestId: requireText("request_id", request.requestId),
    skipDenied: request.skipDenied,
    propose: request.propose,
    ...givenOf(request.secrets),
    ...signedOf(request.signed),
  };
}

/** Secrets that come with a request. */
function givenOf(
  given: readonly GivenSecret[],
): Pick<JobRequest, "secrets"> {
  if (given.length === 0) return {};
  return {
    secrets: new Map(given.map(({ name, value }) => {
      if (!isGiven(limitText("secrets.name", name))) {
        throw invalid("secrets.name", `"${name}" does not begin with "given:"`);
      }
      checkSecret(value, `the secret "${name}"`);
      return [name, new Sealed(value)];
    })),
  };
}

/** Note of a request, checked. */
export function noteOf(note: string): string {
  if (note.length <= MAX_NOTE) return note;
  throw invalid(
    "note",
    `it has ${note.length} characters, and the limit is ${MAX_NOTE}`,
  );
}

/** Limits of a request for a job. */
export function limitsOf(limits: JobLimitsMessage | undefined): JobLimits {
  return {
    batch: shareOf("limits.batch", limits?.batch, 1),
    canary: shareOf("limits.canary", limits?.canary, 1),
    canaryTargets: limits?.canaryTargets ?? [],
    maxFailures: shareOf("limits.max_failures", limits?.maxFailures, 1),
    cancelRest: limits?.cancelRest ?? false,
    pauseMs: timeOf("limits.pause_ms", limits?.pauseMs),
    order: orderOf(limits?.order),
    deadlineMs: timeOf("limits.deadline_ms", limits?.deadlineMs),
    queueMs: timeOf("limits.queue_ms", limits?.queueMs),
    supersedeKey: limitText(
      "limits.supersede_key",
      limits?.supersedeKey ?? "",
    ),
  };
}

function shareOf(
  field: string,
  message: ShareMessage | undefined,
  least: number,
): Share | undefined {
  const { share } = message ?? {};
  switch (share?.case) {
    case "count":
      return {
        count: requireRange(field, share.value, { least, most: 2 ** 32 - 1 }),
      };
    case "percent":
      if (share.value > 0 && share.value <= 100) {
        return { percent: share.value };
      }
      throw invalid(field, `${share.value} is not above 0 and at most 100`);
    default:
      if (message === undefined) return undefined;
      throw invalid(field, "it has neither a count nor a percentage");
  }
}

function timeOf(field: string, ms: bigint | undefined): number | undefined {
  if (ms === undefined) return undefined;
  return requireRange(field, Number(ms), { least: 1, most: MAX_MS });
}

function orderOf(order = JobOrder.UNSPECIFIED): JobLimits["order"] {
  switch (order) {
    case JobOrder.UNSPECIFIED:
    case JobOrder.NAME:
      return "name";
    case JobOrder.RANDOM:
      return "random";
    default:
      throw invalid("limits.order", `${order} is not one of its values`);
  }
}

/**
 * Filter of a list of jobs.
 *
 * @throws {PiriError} INVALID_ARGUMENT
 */
export function jobFilterOf(
  { limit = DEFAULT_LIMIT, beforeId, states, text, agent }: ListJobsRequest,
): JobFilter {
  return {
    limit: requireRange("limit", limit, { least: 1, most: MAX_LIMIT }),
    ...beforeId === undefined
      ? {}
      : { beforeId: requireId("before_id", beforeId) },
    ...states.length === 0 ? {} : { states: states.map(jobStateName) },
    ...text === "" ? {} : { text: limitText("text", text) },
    ...agent === "" ? {} : { agent: limitText("agent", agent) },
  };
}

/**
 * Agents on which a job is repeated.
 *
 * @throws {PiriError} INVALID_ARGUMENT
 */
export function scopeOf(scope: RerunScopeNumber): RerunScope {
  switch (scope) {
    case RerunScopeNumber.UNSPECIFIED:
    case RerunScopeNumber.ALL:
      return "all";
    case RerunScopeNumber.FAILED:
      return "failed";
    case RerunScopeNumber.LOST:
      return "lost";
    case RerunScopeNumber.UNREACHABLE:
      return "unreachable";
    default:
      throw invalid("scope", `${scope} is not one of its values`);
  }
}
