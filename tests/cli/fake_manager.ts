import { createHash } from "node:crypto";
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { Code, ConnectError, createRouterTransport } from "@connectrpc/connect";
import {
  type AddAgentRequest,
  type Agent,
  AgentSchema,
  AgentsService,
  BlobsService,
  type CancelJobRequest,
  type CancelRequest,
  type Command,
  CommandSchema,
  CommandsService,
  CommandState,
  EntryState,
  type Event,
  EventSchema,
  EventsService,
  type GetStatusResponse,
  GetStatusResponseSchema,
  type GetTimelineResponseSchema,
  type GiveUpRequest,
  type Job,
  type JobEntry,
  JobEntrySchema,
  JobSchema,
  JobsService,
  JobState,
  type ListCommandsRequest,
  type ListJobsRequest,
  type ListNamesRequest,
  type ListNamesResponseSchema,
  type OperationSchema,
  OutputStream,
  type PingAgentsRequest,
  type PingAgentsResponseSchema,
  type RemoveAgentRequest,
  type RerunJobRequest,
  type RerunRequest,
  type ResolvedNotesSchema,
  type ResolveTargetsResponseSchema,
  type RunRequest,
  type SetAgentsRequest,
  type SetAgentsResponseSchema,
  type StartJobRequest,
  StatusService,
  type TargetSelection,
  type WatchEventsRequest,
  type WatchJobRequest,
  type WatchJobResponseSchema,
  type WatchRequest,
  type WatchResponse,
  WatchResponseSchema,
  type WriteFailureSchema,
} from "../../proto/gen/piri/control/v1/control_pb.ts";
import { controlClient } from "../../lib/api/client.ts";
import {
  Disconnected,
  type ErrorCode,
  PiriError,
} from "../../lib/base/errors.ts";
import { aborted } from "../../lib/base/signals.ts";
import { namesOne } from "../../lib/cli/manager/hints.ts";
import { hasEnded } from "../../lib/cli/manager/states.ts";
import { toConnectError } from "../../lib/api/errors.ts";
import type {
  BriefManager,
  Control,
  ExportedIdentity,
  Initialized,
  ManagerServices,
  Ready,
} from "../../lib/cli/manager/services.ts";
import { FakeBlobs } from "./fake_blobs.ts";

/** A command as a Manager would answer it, with these fields. */
export function command(
  given: MessageInitShape<typeof CommandSchema> = {},
): Command {
  return create(CommandSchema, {
    id: 12n,
    agent: "web-1",
    operation: "command.Run",
    params: '{"argv":["true"]}',
    state: CommandState.RUNNING,
    createdAtMs: BigInt(Date.UTC(2026, 0, 1)),
    job: "job-1",
    ...given,
  });
}

/** An agent as a Manager would answer it. */
export function agent(
  given: MessageInitShape<typeof AgentSchema> = {},
): Agent {
  return create(AgentSchema, { id: "web-1", joined: true, ...given });
}

/** An event as a Manager would answer it. */
export function event(
  given: MessageInitShape<typeof EventSchema> = {},
): Event {
  return create(EventSchema, {
    id: 1n,
    atMs: BigInt(Date.UTC(2026, 0, 1)),
    kind: "agent_connected",
    ...given,
  });
}

/** An error of the Manager, as its API answers it. */
export function apiError(
  code: ErrorCode,
  message: string,
  connectCode: Code = Code.Unknown,
): ConnectError {
  return new ConnectError(message, connectCode, { "piri-code": code });
}

/** A stream of events that a client reads, with its request. */
export class Watch {
  readonly #queue: (() => WatchResponse | undefined)[] = [];
  #news = Promise.withResolvers<void>();
  /** True once the client has gone. */
  left = false;

  constructor(readonly request: WatchRequest) {}

  /** Sends the current state of a command. */
  state(given: Command): this {
    return this.#push(() =>
      create(WatchResponseSchema, {
        commandId: given.id,
        event: { case: "command", value: given },
      })
    );
  }

  output(
    id: bigint,
    text: string | Uint8Array<ArrayBuffer>,
    { stream = "stdout", offset = 0n, cut = 0n }: {
      stream?: "stdout" | "stderr";
      offset?: bigint;
      cut?: bigint;
    } = {},
  ): this {
    return this.#push(() =>
      create(WatchResponseSchema, {
        commandId: id,
        event: {
          case: "output",
          value: {
            stream: stream === "stdout"
              ? OutputStream.STDOUT
              : OutputStream.STDERR,
            offset,
            bytes: typeof text === "string"
              ? new TextEncoder().encode(text)
              : text,
            cut,
            atMs: BigInt(Date.UTC(2026, 0, 1)),
          },
        },
      })
    );
  }

  progress(id: bigint, current: number, total: number, message = ""): this {
    return this.#push(() =>
      create(WatchResponseSchema, {
        commandId: id,
        event: { case: "progress", value: { current, total, message } },
      })
    );
  }

  cutOff(id: bigint, reason: string): this {
    return this.#push(() =>
      create(WatchResponseSchema, {
        commandId: id,
        event: { case: "cutOff", value: { reason } },
      })
    );
  }

  /** Tells that the Manager cannot write its database, or can again. */
  storage(failure?: MessageInitShape<typeof WriteFailureSchema>): this {
    return this.#push(() =>
      create(WatchResponseSchema, {
        event: {
          case: "storage",
          value: failure === undefined ? {} : { failure },
        },
      })
    );
  }

  /** Ends the stream as a Manager does. */
  end(): void {
    this.#push(() => undefined);
  }

  /** Ends the stream with an error, by default that of a broken connection. */
  fail(
    error: ConnectError = new ConnectError("connection reset", Code.Unknown),
  ): void {
    this.#push(() => {
      throw error;
    });
  }

  async *events(signal: AbortSignal): AsyncGenerator<WatchResponse> {
    signal.addEventListener("abort", () => {
      this.left = true;
      this.end();
    });
    while (true) {
      const next = this.#queue.shift();
      if (next === undefined) {
        await this.#news.promise;
        this.#news = Promise.withResolvers();
        continue;
      }
      const response = next();
      if (response === undefined) return;
      yield response;
    }
  }

  #push(next: () => WatchResponse | undefined): this {
    this.#queue.push(next);
    this.#news.resolve();
    return this;
  }
}

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

/** A Manager with the answers of a test, behind the real encoding of the API. */
export class FakeManager implements ManagerServices {
  readonly runs: StartJobRequest[] = [];
  readonly plainRuns: RunRequest[] = [];
  readonly watches: Watch[] = [];
  readonly cancels: CancelRequest[] = [];
  readonly reruns: RerunRequest[] = [];
  readonly givenUp: GiveUpRequest[] = [];
  readonly lists: ListCommandsRequest[] = [];
  readonly eventRequests: WatchEventsRequest[] = [];
  readonly additions: AddAgentRequest[] = [];
  readonly changes: SetAgentsRequest[] = [];
  readonly selections: (TargetSelection | undefined)[] = [];
  /** Answer to `SetAgents`. */
  changedAgents: MessageInitShape<typeof SetAgentsResponseSchema> = {};
  /** Answer to `ResolveTargets`. */
  targets: MessageInitShape<typeof ResolveTargetsResponseSchema> | PiriError =
    {};
  readonly blobs = new FakeBlobs();
  readonly pings: PingAgentsRequest[] = [];
  readonly nameRequests: ListNamesRequest[] = [];
  /** Answer to `PingAgents`. */
  pinged: MessageInitShape<typeof PingAgentsResponseSchema> = {};
  /** Answer to `ListNames`. */
  names: MessageInitShape<typeof ListNamesResponseSchema> = {};
  agents: Agent[] = [];
  commands: Command[] = [];
  events: Event[] = [];
  timeline: MessageInitShape<typeof GetTimelineResponseSchema> = {};
  operations: MessageInitShape<typeof OperationSchema>[] = [
    { name: "command.Run" },
    { name: "file.Fetch" },
  ];
  status: GetStatusResponse = create(GetStatusResponseSchema);
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
  /** Reaction to `Rerun`. By default it answers with the newest of `commands`. */
  onRerun: (request: RerunRequest) => void | Promise<void> = () => {};
  /** Answer to `ListCommands`: `commands` by default. */
  onList: (request: ListCommandsRequest) => Command[] = () => this.commands;
  /** Reaction to `Cancel`. */
  onCancel: (request: CancelRequest) => void | Promise<void> = () => {};
  /** True if `Cancel` answers that the agent does not confirm it. */
  unconfirmed = false;
  /** Refusal of `RemoveAgent`. */
  refusal: PiriError | undefined;
  /** True if a removed agent was connected. */
  told = true;
  readonly removals: RemoveAgentRequest[] = [];
  /** True while there is no Manager. */
  down = false;
  /** Number of searches for the Manager, successful or not. */
  attempts = 0;
  /** Number of open connections. */
  open = 0;
  dirs: string[] = [];
  served: {
    readonly options: unknown;
    readonly signal: AbortSignal;
    readonly rest: () => void;
  }[] = [];

  /** The newest stream that a client reads. */
  get watch(): Watch {
    const newest = this.watches.at(-1);
    if (newest === undefined) throw new TypeError("Nobody watches");
    return newest;
  }

  init(
    options: {
      dir: string;
      listen: string;
      advertise: string | undefined;
    },
  ): Promise<Initialized> {
    return Promise.resolve({
      dir: options.dir,
      files: [`${options.dir}/config.yaml`],
      fingerprint: "AB:CD",
      listen: options.listen,
      advertise: options.advertise ?? "host:7051",
    });
  }

  serve(
    options: { dir: string },
    { signal, onReady }: {
      signal: AbortSignal;
      onReady: (ready: Ready) => void;
    },
  ): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.served.push({ options, signal, rest: resolve });
    onReady({ listen: "0.0.0.0:7051", control: "/run/control.sock" });
    return promise;
  }

  /** Starts of a Manager for one job. */
  readonly briefStarts: Parameters<ManagerServices["serveBriefly"]>[0][] = [];
  /** Managers for one job that were stopped. */
  briefStops = 0;
  /** Error of the removal of what was unpacked for them. */
  removalError: PiriError | undefined;
  /** Error of their start. */
  briefError: PiriError | undefined;
  /** Changes to a Manager for one job. */
  brief: Partial<BriefManager> = {};
  exported: ExportedIdentity = {
    text: "piristate1-secret-12345678",
    joined: 2,
    notJoined: [],
  };

  serveBriefly(
    options: Parameters<ManagerServices["serveBriefly"]>[0],
  ): Promise<BriefManager> {
    this.briefStarts.push(options);
    if (this.briefError !== undefined) return Promise.reject(this.briefError);
    return Promise.resolve({
      dir: "/dev/shm/state",
      listen: "0.0.0.0:7051",
      notes: [],
      stop: () => {
        this.briefStops++;
        return this.removalError === undefined
          ? Promise.resolve()
          : Promise.reject(this.removalError);
      },
      ...this.brief,
    });
  }

  /** True if the last export of an identity had facts. */
  exportedFacts: boolean | undefined;

  exportIdentity(
    dir: string,
    { withFacts }: { withFacts: boolean },
  ): Promise<ExportedIdentity> {
    this.dirs.push(dir);
    this.exportedFacts = withFacts;
    return Promise.resolve(this.exported);
  }

  connect(dir: string): Promise<Control> {
    this.attempts++;
    this.dirs.push(dir);
    if (this.down) {
      return Promise.reject(
        new Disconnected("Cannot reach the Manager: no socket"),
      );
    }
    this.open++;
    return Promise.resolve({
      ...controlClient(this.#transport()),
      [Symbol.dispose]: () => void this.open--,
    });
  }

  #transport() {
    return createRouterTransport((router) => {
      router.service(AgentsService, {
        listAgents: () => ({
          agents: this.agents,
          ...this.status.writeFailure === undefined
            ? {}
            : { writeFailure: this.status.writeFailure },
        }),
        addAgent: (request) => {
          this.additions.push(request);
          return { token: "piri1.token" };
        },
        pingAgents: (request) => {
          this.pings.push(request);
          return this.pinged;
        },
        listNames: (request) => {
          this.nameRequests.push(request);
          return this.names;
        },
        renewToken: ({ id }) => {
          this.#requireAgent(id);
          return { token: "piri1.renewed" };
        },
        setAgents: (request) => {
          this.changes.push(request);
          return this.changedAgents;
        },
        resolveTargets: ({ selection }) => {
          this.selections.push(selection);
          if (this.targets instanceof PiriError) {
            throw toConnectError(this.targets);
          }
          return this.targets;
        },
        removeAgent: (request) => {
          this.#requireAgent(request.id);
          this.removals.push(request);
          if (this.refusal !== undefined) throw toConnectError(this.refusal);
          return { commands: this.commands, told: this.told };
        },
      });
      router.service(BlobsService, this.blobs.service);
      router.service(CommandsService, {
        watch: (request, { signal }) => {
          if (this.outputs.size > 0) {
            this.outputRequests.push(request);
            return this.#outputs(request);
          }
          const watch = new Watch(request);
          this.watches.push(watch);
          return watch.events(signal);
        },
        cancel: async (request) => {
          this.cancels.push(request);
          await this.onCancel(request);
          return {
            command: this.#find(request.commandId),
            unconfirmed: this.unconfirmed,
          };
        },
        rerun: async (request) => {
          this.reruns.push(request);
          await this.onRerun(request);
          const command = this.commands.at(-1);
          return command === undefined ? {} : { command };
        },
        giveUp: (request) => {
          this.givenUp.push(request);
          return { command: this.#find(request.commandId) };
        },
        getTimeline: ({ commandId }) => ({
          command: this.#find(commandId),
          ...this.timeline,
        }),
        listCommands: (request) => {
          this.lists.push(request);
          return { commands: this.onList(request) };
        },
        run: (request) => {
          this.plainRuns.push(request);
          return { job: "job-1", commands: this.commands };
        },
        dropOutput: () => ({}),
        getCommand: ({ commandId }) => ({ command: this.#find(commandId) }),
        listOperations: () => ({ operations: this.operations }),
      });
      router.service(JobsService, {
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
      });
      router.service(EventsService, {
        watchEvents: (request, { signal }) => {
          this.eventRequests.push(request);
          return this.#events(request.follow, signal);
        },
      });
      router.service(StatusService, { getStatus: () => this.status });
    });
  }

  async *#events(follow: boolean, signal: AbortSignal) {
    for (const event of this.events) yield { event };
    if (!follow) return;
    await new Promise((resolve) => signal.addEventListener("abort", resolve));
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
  async *#outputs({ commands }: WatchRequest) {
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

  /**
   * A job as it is watched. One that is for the name of an agent tells its entries and no more. Of any other the test
   * tells what happens, by `watch`.
   */
  async *#jobEvents(
    { jobId, from }: WatchJobRequest,
    signal: AbortSignal,
  ): AsyncGenerator<MessageInitShape<typeof WatchJobResponseSchema>> {
    const first = this.#findJob(jobId);
    const entries = this.#entries();
    if (namesOne(first.targets?.expressions ?? [])) {
      const hasCommand = entries.some(({ commandId }) => commandId);
      const state = hasCommand ? JobState.RUNNING : JobState.FAILED;
      yield { job: { ...first, state }, entries, complete: true };
      if (hasCommand) await aborted(signal);
      return;
    }
    yield { job: first, entries, complete: true };
    const positions = new Map(
      entries.map(({ agent, position }) => [agent, position]),
    );
    const watch = new Watch({ commands: from } as WatchRequest);
    this.watches.push(watch);
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

  /** Knows every agent if the test names none. */
  #requireAgent(id: string): void {
    const known = this.agents.map((agent) => agent.id);
    if (known.length === 0 || known.includes(id)) return;
    throw apiError("NOT_FOUND", `Cannot find agent "${id}"`, Code.NotFound);
  }

  #find(id: bigint): Command {
    const found = this.commands.find((command) => command.id === id);
    if (found !== undefined) return found;
    throw apiError(
      "NOT_FOUND",
      `Cannot show command ${id}: there is none`,
      Code.NotFound,
    );
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
