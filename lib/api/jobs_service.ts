import { create } from "@bufbuild/protobuf";
import type { ConnectRouter, HandlerContext } from "@connectrpc/connect";
import {
  JobsService,
  type WatchJobResponse,
  WatchJobResponseSchema,
} from "../../proto/gen/piri/control/v1/control_pb.ts";
import type { JobNews, StartedJob } from "../manager/api/job_api.ts";
import type { Manager } from "../manager/api/operator_api.ts";
import { approvalMessage } from "./approvals_service.ts";
import { rightsIn, sightIn } from "./caller.ts";
import {
  MAX_ITEMS,
  requireId,
  requireRange,
  requireText,
  saidIn,
} from "./checks.ts";
import { watchStartsOf } from "./command_request.ts";
import { entryMessage, jobMessage, notesMessage } from "./job_message.ts";
import { jobFilterOf, jobRequestOf, scopeOf } from "./job_request.ts";
import { preparedOf } from "./prepared.ts";
import type { Proofs } from "./proofs.ts";
import { bulkEnvelope, watchMessage } from "./watch_message.ts";

const DEFAULT_ENTRIES = 1_000;

/** Serves the JobsService. */
export function addJobsService(
  router: ConnectRouter,
  { jobs, approvals }: Manager,
  proofs: Proofs,
): void {
  /** Refuses to steer a job by somebody who may not start it. */
  const requireRights = async (id: bigint, { values }: HandlerContext) => {
    const { rights } = rightsIn(values);
    if (rights === undefined) return;
    const work = await jobs.get(id, rights.sight);
    const entries = await jobs.entries(id, { from: 0, limit: work.total });
    rights.check(work, entries.map(({ agent }) => agent));
  };
  router.service(JobsService, {
    async startJob(request, context) {
      const job = jobRequestOf(request);
      const asker = await proofs.asker(context, saidIn(request));
      const asked = { ...job, ...asker, ...rightsIn(context.values) };
      const knowsApprovals = request.propose || request.acceptApproval;
      if (!knowsApprovals) return startedMessage(await jobs.start(asked));
      const started = await approvals.start(asked);
      return "job" in started ? startedMessage(started) : {
        approval: approvalMessage(started.approval),
        ...started.notes === undefined
          ? {}
          : { notes: notesMessage(started.notes) },
      };
    },
    async getJob({ jobId }, { values }) {
      const id = requireId("job_id", jobId);
      return { job: jobMessage(await jobs.get(id, sightIn(values))) };
    },
    async listJobs(request, { values }) {
      const list = await jobs.list(jobFilterOf(request), sightIn(values));
      return { jobs: list.map(jobMessage) };
    },
    async listEntries(
      { jobId, limit = DEFAULT_ENTRIES, fromPosition },
      { values },
    ) {
      const entries = await jobs.entries(
        requireId("job_id", jobId),
        {
          from: fromPosition,
          limit: requireRange("limit", limit, { least: 1, most: MAX_ITEMS }),
        },
        sightIn(values),
      );
      return { entries: entries.map(entryMessage) };
    },
    async *watchJob({ jobId, output, from }, { signal, values }) {
      const news = jobs.watch(requireId("job_id", jobId), {
        output,
        from: watchStartsOf("from", from),
        signal,
        sight: sightIn(values),
      });
      const prepared = preparedOf(values);
      for await (const each of news) {
        const envelope = prepared && bulkNews(each);
        if (envelope !== undefined) prepared?.push(envelope);
        yield envelope === undefined ? newsMessage(each) : {};
      }
    },
    async cancelJob(request, context) {
      const { jobId, graceMs } = request;
      const id = requireId("job_id", jobId);
      await requireRights(id, context);
      const asker = await proofs.asker(context, saidIn(request));
      return { job: jobMessage(await jobs.cancel(id, { ...asker, graceMs })) };
    },
    async pauseJob(request, context) {
      const id = requireId("job_id", request.jobId);
      await requireRights(id, context);
      const asker = await proofs.asker(context, saidIn(request));
      return { job: jobMessage(await jobs.pause(id, asker)) };
    },
    async resumeJob(request, context) {
      const id = requireId("job_id", request.jobId);
      await requireRights(id, context);
      const asker = await proofs.asker(context, saidIn(request));
      return { job: jobMessage(await jobs.resume(id, asker)) };
    },
    async rerunJob(request, context) {
      const id = requireId("job_id", request.jobId);
      const requestId = requireText("request_id", request.requestId);
      const scope = scopeOf(request.scope);
      const { on, skipDenied } = request;
      const asker = await proofs.asker(context, saidIn(request));
      const started = await jobs.rerun(id, {
        scope,
        on,
        requestId,
        skipDenied,
        ...asker,
        ...rightsIn(context.values),
      });
      return startedMessage(started);
    },
  });
}

function startedMessage({ job, notes }: StartedJob) {
  return {
    job: jobMessage(job),
    ...notes === undefined ? {} : { notes: notesMessage(notes) },
  };
}

/** Envelope of the `newsMessage` of a large piece of output; undefined for other news. */
function bulkNews(
  { job, entries, event, complete }: JobNews,
): Uint8Array | undefined {
  const isEventOnly = job === undefined && entries === undefined &&
    complete !== true;
  return event === undefined || !isEventOnly
    ? undefined
    : bulkEnvelope(event, WatchJobResponseSchema.field.event.number);
}

function newsMessage(
  { job, entries, event, complete }: JobNews,
): WatchJobResponse {
  return create(WatchJobResponseSchema, {
    ...job === undefined ? {} : { job: jobMessage(job) },
    entries: entries?.map(entryMessage) ?? [],
    ...event === undefined ? {} : { event: watchMessage(event) },
    complete: complete ?? false,
  });
}
