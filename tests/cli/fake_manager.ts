import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { routerLink } from "../support/router_link.ts";
import { Code } from "@connectrpc/connect";
import {
  type AddAgentRequest,
  type Agent,
  AgentSchema,
  AgentsService,
  AuditService,
  BlobsService,
  type CancelRequest,
  type Command,
  CommandSchema,
  CommandsService,
  CommandState,
  type Event,
  EventSchema,
  EventsService,
  type GetStatusResponse,
  GetStatusResponseSchema,
  type GetTimelineResponseSchema,
  type GiveUpRequest,
  JobsService,
  type ListCommandsRequest,
  type ListNamesRequest,
  type ListNamesResponseSchema,
  type OperationSchema,
  type PingAgentsRequest,
  type PingAgentsResponseSchema,
  type RemoveAgentRequest,
  type RenameAgentRequest,
  type RerunRequest,
  type ResolveTargetsResponseSchema,
  type RunRequest,
  type SetAgentsRequest,
  type SetAgentsResponseSchema,
  StatusService,
  type TargetSelection,
  type WatchEventsRequest,
} from "../../proto/gen/piri/control/v1/control_pb.ts";
import { controlClient } from "../../lib/api/client.ts";
import { Disconnected, PiriError } from "../../lib/base/errors.ts";
import { toConnectError } from "../../lib/api/errors.ts";
import type {
  BackedUp,
  BriefManager,
  Control,
  ExportedIdentity,
  Initialized,
  ManagerPlace,
  ManagerServices,
  Ready,
  RedpepperImport,
  StateDesk,
  StateSchema,
} from "../../lib/cli/manager/services.ts";
import { FakeEnrolment } from "./fake_enrolment.ts";
import { FakeKeys } from "./fake_keys.ts";
import { FakeApprovals } from "./fake_approvals.ts";
import { FakeAudit } from "./fake_audit.ts";
import { FakeBlobs } from "./fake_blobs.ts";
import { FakeJobs } from "./fake_jobs.ts";
import { FakeOperators } from "./fake_operators.ts";
import { FakeService } from "./fake_service.ts";
import { FakeWindows } from "./fake_windows.ts";
import { FakeReleases } from "./fake_releases.ts";
import { FakeSecrets } from "./fake_secrets.ts";
import { apiError, Watch } from "./fake_watch.ts";

export { entryOf, job } from "./fake_jobs.ts";
export { apiError, Watch } from "./fake_watch.ts";

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

/** A Manager with the answers of a test, behind the real encoding of the API. */
export class FakeManager extends FakeJobs implements ManagerServices {
  readonly plainRuns: RunRequest[] = [];
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
  /** Answer to `ResolveTargets` for expressions of their own, instead of `targets`. */
  readonly targetsOf = new Map<
    string,
    MessageInitShape<typeof ResolveTargetsResponseSchema>
  >();
  readonly audit = new FakeAudit();
  readonly blobs = new FakeBlobs();
  readonly pings: PingAgentsRequest[] = [];
  readonly nameRequests: ListNamesRequest[] = [];
  /** Answer to `PingAgents`. */
  pinged: MessageInitShape<typeof PingAgentsResponseSchema> = {};
  /** Answer to `ListNames`. */
  names: MessageInitShape<typeof ListNamesResponseSchema> = {};
  agents: Agent[] = [];
  events: Event[] = [];
  timeline: MessageInitShape<typeof GetTimelineResponseSchema> = {};
  operations: MessageInitShape<typeof OperationSchema>[] = [
    { name: "command.Run" },
    { name: "file.Fetch" },
  ];
  status: GetStatusResponse = create(GetStatusResponseSchema);
  /** Reaction to `Run`, before it answers with `commands`. */
  onPlainRun: () => void | Promise<void> = () => {};
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
  /** Refusal of `ListAgents`. */
  listRefusal: PiriError | undefined;
  /** True if a removed agent was connected. */
  told = true;
  readonly renames: RenameAgentRequest[] = [];
  readonly removals: RemoveAgentRequest[] = [];
  /** Operators, and who asks. */
  readonly approvals = new FakeApprovals();
  /** Join tokens, and hosts that wait. */
  readonly enrolment = new FakeEnrolment();
  readonly keys = new FakeKeys();
  readonly operators = new FakeOperators();
  readonly releases = new FakeReleases();
  readonly secrets = new FakeSecrets();
  /** Managers on other machines that were connected to. */
  readonly places: ManagerPlace[] = [];
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

  readonly serviceActs = new FakeService();
  readonly windows = new FakeWindows();
  readonly asWindowsService = this.windows.start;
  service = () => Promise.resolve(this.serviceActs);
  guard = () => Promise.resolve("");

  /** The newest stream that a client reads. */
  get watch(): Watch {
    const newest = this.watches.at(-1);
    if (newest === undefined) throw new TypeError("Nobody watches");
    return newest;
  }

  /** State folders that were asked for. */
  readonly inits: Parameters<ManagerServices["init"]>[0][] = [];

  init(
    options: Parameters<ManagerServices["init"]>[0],
  ): Promise<Initialized> {
    this.inits.push(options);
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

  /** Backups that were asked for. */
  readonly backups: Parameters<ManagerServices["backUp"]>[1][] = [];
  /** Names of the keys that a backup leaves out. */
  leftOut: readonly string[] = [];
  /** Bytes that a backup lacks. */
  lack: string | undefined;

  backUp(
    dir: string,
    options: Parameters<ManagerServices["backUp"]>[1],
  ): Promise<BackedUp> {
    this.dirs.push(dir);
    this.backups.push(options);
    const { leftOut, lack } = this;
    return Promise.resolve({
      dir: options.to,
      files: 12,
      bytes: 3e6,
      leftOut,
      lack,
    });
  }

  /** Exports of the authority's key that were asked for. */
  readonly exportedKeys: Parameters<ManagerServices["exportAuthority"]>[1][] =
    [];

  exportAuthority(
    dir: string,
    options: Parameters<ManagerServices["exportAuthority"]>[1],
  ): Promise<void> {
    this.dirs.push(dir);
    this.exportedKeys.push(options);
    return Promise.resolve();
  }

  authorityCertificate(
    authorityKey: string,
    authority: string | undefined,
  ): Promise<string> {
    return Promise.resolve(`${authority ?? "new authority"} ${authorityKey}`);
  }

  issueCertificate(
    { authorityKey, certificate, authority, names }: Parameters<
      ManagerServices["issueCertificate"]
    >[0],
  ): Promise<string> {
    const text = [certificate, names, authority, authorityKey].join(" ");
    return Promise.resolve(text);
  }

  /** States that the subcommands see. */
  desk: StateDesk = {
    agents: [],
    names: () => Promise.resolve([]),
    modules: () => Promise.resolve([]),
    compile: () => Promise.reject(new TypeError("no states")),
    data: () => Promise.resolve({ value: undefined, parts: [] }),
    format: ({ message }) => message,
  };

  states(dir: string): Promise<StateDesk> {
    this.dirs.push(dir);
    return Promise.resolve(this.desk);
  }

  /** Import that the subcommands see. */
  imported: RedpepperImport = {
    agents: [],
    files: [],
    notes: [],
    write: () => Promise.resolve(),
  };

  redpepper(): Promise<RedpepperImport> {
    return Promise.resolve(this.imported);
  }

  stateSchema(): Promise<StateSchema> {
    return Promise.resolve({ schema: { title: "State of Piri" }, broken: [] });
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
      ...controlClient(this.#link()),
      uploads: this.blobs.uploads,
      [Symbol.dispose]: () => void this.open--,
    });
  }

  /** Audiences that the CI was asked for. */
  readonly audiences: string[] = [];
  /** Token of the CI; an error outside of one. */
  idToken: string | PiriError = "a.ci.token";

  remoteShell: ManagerServices["remoteShell"] = () =>
    Promise.reject(new TypeError("no other host is there"));

  ciToken(audience: string): Promise<string> {
    this.audiences.push(audience);
    return this.idToken instanceof PiriError
      ? Promise.reject(this.idToken)
      : Promise.resolve(this.idToken);
  }

  connectTo(place: ManagerPlace): Promise<Control> {
    this.places.push(place);
    return this.connect(place.address);
  }

  #link() {
    return routerLink((router) => {
      this.operators.add(router);
      this.releases.add(router, this.blobs);
      this.secrets.add(router);
      router.service(AgentsService, {
        listAgents: () => {
          if (this.listRefusal !== undefined) {
            throw toConnectError(this.listRefusal);
          }
          return {
            agents: this.agents,
            ...this.status.writeFailure === undefined
              ? {}
              : { writeFailure: this.status.writeFailure },
          };
        },
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
          const own = this.targetsOf.get(
            selection?.expressions.join(" ") ?? "",
          );
          if (own !== undefined) return own;
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
        renameAgent: (request) => {
          this.#requireAgent(request.id);
          this.renames.push(request);
          if (this.refusal !== undefined) throw toConnectError(this.refusal);
          return { told: this.told };
        },
      });
      router.service(AuditService, this.audit.service);
      router.service(BlobsService, this.blobs.service);
      router.service(CommandsService, {
        watch: (request, { signal }) => {
          if (this.outputs.size > 0) {
            this.outputRequests.push(request);
            return this.tellOutputs(request);
          }
          const watch = new Watch(request, this.jobWatchesOfOne);
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
        run: async (request) => {
          this.plainRuns.push(request);
          await this.onPlainRun();
          return { job: "job-1", commands: this.commands };
        },
        dropOutput: () => ({}),
        getCommand: ({ commandId }) => ({ command: this.#find(commandId) }),
        listOperations: () => ({ operations: this.operations }),
      });
      router.service(JobsService, this.jobsService());
      this.approvals.add(router);
      this.enrolment.add(router);
      this.keys.add(router);
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
