import { jobName } from "../../base/job_state.ts";
import type { Delivery } from "../../store/delivery_records.ts";
import type { JobRecord } from "../../store/job_records.ts";
import type { Store } from "../../store/store.ts";

/**
 * Body of a webhook's message, as docs/webhooks.md describes it; undefined if the history does not have the job any more.
 * Parameters of a job are not in it: they may have what others should not see.
 */
export async function bodyOf(
  delivery: Delivery,
  store: Store,
): Promise<string | undefined> {
  const data = await dataOf(delivery, store);
  return data && JSON.stringify({
    type: delivery.event,
    timestamp: timeText(delivery.at),
    data: { managerId: store.managerId, ...data },
  });
}

async function dataOf(
  delivery: Delivery,
  store: Store,
): Promise<object | undefined> {
  const { event, subject } = delivery;
  switch (event) {
    case "job.ended":
      return jobData(await store.job(BigInt(subject)));
    case "agent.away":
      return await agentData(delivery, store);
    case "drift.found":
    case "drift.heal_failed":
    case "drift.gone":
      return JSON.parse(subject);
  }
}

function jobData(job: JobRecord | undefined): object | undefined {
  if (job === undefined) return undefined;
  const { total, ...counts } = job.counts;
  const counted = Object.entries(counts).filter(([, count]) => count > 0);
  return {
    job: jobName(job.id),
    state: job.state,
    reason: job.reason,
    name: job.name,
    note: job.note,
    operation: job.operation,
    targets: job.targets.expressions,
    requestedBy: job.requestedBy,
    saidBy: job.saidBy,
    createdAt: timeText(job.createdAt),
    finishedAt: job.finishedAt === null ? null : timeText(job.finishedAt),
    rerunOf: job.rerunOf === null ? null : jobName(job.rerunOf),
    agents: { total, ...Object.fromEntries(counted) },
  };
}

async function agentData(
  { subject, at }: Delivery,
  store: Store,
): Promise<object> {
  const record = await store.agent(subject);
  return {
    agent: subject,
    groups: record?.groups ?? [],
    awaySince: timeText(at),
    lastConnectedAt: timeOrNull(record?.connectedAt),
    address: record?.address ?? "",
  };
}

function timeOrNull(at: number | null | undefined): string | null {
  return at === null || at === undefined ? null : timeText(at);
}

function timeText(at: number): string {
  return new Date(at).toISOString();
}
