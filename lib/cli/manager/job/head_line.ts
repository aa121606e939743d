import { JobOrder } from "../../../../proto/gen/piri/control/v1/control_enums.ts";
import type {
  Job,
  JobLimits,
  Share,
} from "../../../../proto/gen/piri/control/v1/control_messages.ts";
import { oneLine } from "../../text.ts";
import { durationText } from "../../time.ts";
import { requestText } from "../request_text.ts";

/** One line that says what a job does, on whom, and with which limits. */
export function headLine(job: Job): string {
  const total = job.counts?.total ?? 0;
  return oneLine([
    `j-${job.id}: ${requestText(job)} on ${targetsText(job)} (${
      total === 1 ? "1 agent" : `${total} agents`
    })`,
    ...limitTexts(job),
  ].join(", "));
}

/** Target expressions of a job as typed. */
export function targetsText({ targets }: Job): string {
  return targets?.expressions.join(", ") ?? "";
}

/** Limits of a job for people; empty if it has none. */
export function limitsText(job: Job): string {
  return limitTexts(job).join(", ");
}

function limitTexts({ limits, timeoutMs }: Job): string[] {
  return [
    ...limits === undefined ? [] : textsOf(limits),
    ...timeoutMs === undefined ? [] : [`timeout ${durationText(timeoutMs)}`],
  ];
}

function textsOf(limits: JobLimits): string[] {
  const { batch, canary, canaryTargets, maxFailures } = limits;
  const time = (name: string, ms: bigint | undefined) =>
    ms === undefined ? [] : [`${name} ${durationText(Number(ms))}`];
  return [
    ...canaryTargets.length > 0
      ? [`canary ${canaryTargets.join(", ")}`]
      : canary === undefined
      ? []
      : [`canary ${shareText(canary)}`],
    ...batch === undefined ? [] : [`${shareText(batch)} at a time`],
    ...time("pause", limits.pauseMs),
    ...maxFailures === undefined
      ? []
      : [`stops at ${failuresText(maxFailures)}`],
    ...limits.order === JobOrder.RANDOM ? ["in random order"] : [],
    ...time("deadline", limits.deadlineMs),
    ...time("queued for", limits.queueMs),
  ];
}

function failuresText(most: Share): string {
  const { share } = most;
  const isOne = share.case === "count" && share.value === 1;
  return isOne ? "1 failure" : `${shareText(most)} failures`;
}

/** A share as typed: 10 or 5%. */
export function shareText({ share }: Share): string {
  if (share.case === "percent") return `${share.value}%`;
  return String(share.value ?? "");
}
