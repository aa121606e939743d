import { createHash } from "node:crypto";
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { Code, type ServiceImpl } from "@connectrpc/connect";
import {
  type CancelJobRequest,
  type Command,
  CommandState,
  EntryState,
  type Job,
  type JobEntry,
  JobEntrySchema,
  JobSchema,
  type JobsService,
  JobState,
  type ListJobsRequest,
  type RerunJobRequest,
  type ResolvedNotesSchema,
  type StartJobRequest,
  type WatchJobRequest,
  type WatchJobResponseSchema,
  type WatchRequest,
  type WatchResponse,
} from "../../proto/gen/piri/control/v1/control_pb.ts";
import { namesOne } from "../../lib/cli/manager/hints.ts";
import { hasEnded } from "../../lib/cli/manager/states.ts";
import { apiError, Watch } from "./fake_watch.ts";

/** Entry of a job for a command, as a Manager would tell it. */
export function entryOf(
  command: Command,
  position: number,
  given: MessageInitShape<typeof JobEntrySchema> = {},
): JobEntry {
  const { id, state, exitCode, unreachableSinceMs } = command;
  return create(JobEntrySchema, {
    position,
    agent: command.agent,
    state: EntryState.STARTED,
    commandId: id,
    commandState: state,
    ...exitCode === undefined ? {} : { exitCode },
    signal: command.signal,
    presumed: command.presumed,
    reason: command.reason,
    errorCode: command.errorCode,
    stdoutBytes: command.stdoutBytes,
    stderrBytes: command.stderrBytes,
    ...unreachableSinceMs === undefined ? {} : { unreachableSinceMs },
    ...given,
  });
}

/** A job as a Manager would answer it, with these fields. */
export function job(
  { targets = { expressions: ["web-*"] }, ...given }: MessageInitShape<
    typeof JobSchema
  > = {},
): Job {
  const { $typeName: _type, ...fields }: Partial<Job> = given as Job;
  return create(JobSchema, {
    id: 17n,
    state: JobState.RUNNING,
    operation: "command.Run",
    params: '{"argv":["true"]}',
    createdAtMs: BigInt(Date.UTC(2026, 0, 1)),
    ...fields,
    targets,
  });
}

/** The jobs of a Manager of a test. */
export class FakeJobs {
  readonly runs: StartJobRequest[] = [];
  readonly watches: Watch[] = [];
  commands: Command[] = [];
  /** Start of the jobs that are started, in milliseconds since 1970. */
  createdAtMs = BigInt(Date.UTC(2026, 0, 1));
  /** Jobs by their ids; the one that is started has the highest. */
  jobs: Job[] = [];
  /** Entries of the jobs; by default those of `commands`. */
  entries: JobEntry[] | undefined;
  /** Remarks on the targets of a job that is started. */
  notes: MessageInitShape<typeof ResolvedNotesSchema> = {};
  readonly jobWatches: WatchJobRequest[] = [];
  readonly jobCancels: CancelJobRequest[] = [];
  readonly jobReruns: RerunJobRequest[] = [];
  readonly jobLists: ListJobsRequest[] = [];
  /** Output that a watch of an ended command tells, by its id: stdout and stderr. */
  readonly outputs = new Map<bigint, readonly [string, string]>();
  readonly outputRequests: WatchRequest[] = [];
  /** Reaction to `StartJob`. By default the job has the entries of `commands`. */
  onRun: (request: StartJobRequest) => void | Promise<void> = () => {};
  /** Reaction to `CancelJob`. */
  onCancelJob: (request: CancelJobRequest) => void | Promise<void> = () => {};

  /** Answers of `JobsService`. */
  protected jobsService(): ServiceImpl<typeof JobsService> {
    return {
      startJob: async (request) => {
        this.runs.push(request);
        await this.onRun(request);
        const total = this.entries?.length ?? this.commands.length;
        const { targets, limits, operation, params, name, note } = request;
        const started = job({
          ...targets === undefined ? {} : { targets },
          ...limits === undefined ? {} : { limits },
          ...request.timeoutMs === undefined
            ? {}
            : { timeoutMs: request.timeoutMs },
          onDisconnect: request.onDisconnect,
          operation,
          params,
          name,
          note,
          counts: { total },
          createdAtMs: this.createdAtMs,
        });
        this.jobs = [started];
        return { job: started, notes: this.notes };
      },
      getJob: ({ jobId }) => ({ job: this.#findJob(jobId) }),
      listJobs: (request) => {
        this.jobLists.push(request);
        return { jobs: this.jobs };
      },
      listEntries: ({ fromPosition, limit = 1_000 }) => ({
        entries: this.#entries().slice(fromPosition, fromPosition + limit),
      }),
      watchJob: (request, { signal }) => {
        this.jobWatches.push(request);
        return this.#jobEvents(request, signal);
      },
      cancelJob: async (request) => {
        this.jobCancels.push(request);
        await this.onCancelJob(request);
        return { job: this.#findJob(request.jobId) };
      },
      pauseJob: ({ jobId }) => ({
        job: { ...this.#findJob(jobId), state: JobState.PAUSED },
      }),
      resumeJob: ({ jobId }) => ({ job: this.#findJob(jobId) }),
      rerunJob: (request) => {
        this.jobReruns.push(request);
        const again = job({
          ...this.#findJob(request.jobId),
          id: request.jobId + 1n,
          rerunOf: request.jobId,
        });
        this.jobs.push(again);
        return { job: again, notes: this.notes };
      },
    };
  }

  #entries(): JobEntry[] {
    return this.entries ??
      this.commands.map((command, position) =>
        this.#entryOf(command, position)
      );
  }

  /** Entry of a command: with the hashes of its output, once it has ended. */
  #entryOf(command: Command, position: number): JobEntry {
    const outputs = this.outputs.get(command.id);
    if (outputs === undefined || !hasEnded(command)) {
      return entryOf(command, position);
    }
    const [stdout, stderr] = outputs;
    return entryOf(command, position, {
      stdoutBytes: BigInt(stdout.length),
      stderrBytes: BigInt(stderr.length),
      stdoutSha256: sha256(stdout),
      stderrSha256: sha256(stderr),
      ...this.#given,
    });
  }

  #given: MessageInitShape<typeof JobEntrySchema> = {};

  /** Tells entries from now on with these fields. */
  tellEntriesWith(given: MessageInitShape<typeof JobEntrySchema>): this {
    this.#given = given;
    return this;
  }

  #findJob(id: bigint): Job {
    const found = this.jobs.find((job) => job.id === id);
    if (found !== undefined) return found;
    throw apiError(
      "NOT_FOUND",
      `Cannot find job j-${id}: there is none`,
      Code.NotFound,
    );
  }

  /** Newest states of commands that watches of jobs told. */
  readonly #latest = new Map<bigint, Command>();

  /** Output of commands that have ended. */
  protected async *tellOutputs(
    { commands }: WatchRequest,
  ): AsyncGenerator<WatchResponse> {
    for (const { commandId, stdoutOffset, stderrOffset } of commands) {
      const watch = new Watch({ commands } as WatchRequest);
      const [stdout, stderr] = this.outputs.get(commandId) ?? ["", ""];
      watch.output(commandId, stdout.slice(Number(stdoutOffset)), {
        offset: stdoutOffset,
      });
      watch.output(commandId, stderr.slice(Number(stderrOffset)), {
        stream: "stderr",
        offset: stderrOffset,
      }).end();
      yield* watch.events(new AbortController().signal);
    }
  }

  /** Watches of jobs for the name of an agent: they tell what those of their commands tell. */
  protected readonly jobWatchesOfOne: Watch[] = [];

  /**
   * A job as it is watched. The test tells what happens by `watch`, which is that of the command for a job for the name
   * of an agent.
   */
  async *#jobEvents(
    { jobId, from }: WatchJobRequest,
    signal: AbortSignal,
  ): AsyncGenerator<MessageInitShape<typeof WatchJobResponseSchema>> {
    const first = this.#findJob(jobId);
    const entries = this.#entries();
    const isOfOne = namesOne(first.targets?.expressions ?? []);
    const isOpen = entries.some(({ commandId, state }) =>
      commandId !== undefined || state === EntryState.QUEUED
    );
    if (isOfOne && !isOpen) {
      yield { job: { ...first, state: JobState.FAILED }, entries };
      return;
    }
    yield { job: first, entries, complete: true };
    const positions = new Map(
      entries.map(({ agent, position }) => [agent, position]),
    );
    const watch = new Watch({ commands: from } as WatchRequest);
    (isOfOne ? this.jobWatchesOfOne : this.watches).push(watch);
    for await (const response of watch.events(signal)) {
      if (response.event.case !== "command") {
        yield { event: response };
        continue;
      }
      const { value } = response.event;
      this.#latest.set(value.id, value);
      const position = positions.get(value.agent) ?? 0;
      const entry = this.#entryOf(value, position);
      // A watch that begins anew tells how it is by then.
      if (this.entries !== undefined) this.entries[position] = entry;
      yield { entries: [entry] };
    }
    const latest = this.commands.map((one) => this.#latest.get(one.id) ?? one);
    yield { job: { ...first, state: stateAfter(latest) } };
  }
}

function sha256(text: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(createHash("sha256").update(text).digest());
}

/** State of a job whose commands are so. */
function stateAfter(commands: readonly Command[]): JobState {
  if (!commands.every(hasEnded)) return JobState.RUNNING;
  return commands.every(({ state }) => state === CommandState.SUCCEEDED)
    ? JobState.SUCCEEDED
    : JobState.FAILED;
}
