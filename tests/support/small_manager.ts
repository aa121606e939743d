import { concat } from "@std/bytes/concat";
import { createHash } from "node:crypto";
import { PiriError } from "../../lib/base/errors.ts";
import type { EventFilter } from "../../lib/base/event_filter.ts";
import type {
  AgentView,
  CommandView,
  EventView,
  Manager,
  ManagerStatus,
  PingedAgent,
  ResolvedTargets,
  RunRequest,
  TimelineEntry,
} from "../../lib/manager/api/operator_api.ts";
import type { AuditVerdict } from "../../lib/manager/api/audit_api.ts";
import type {
  EntryView,
  JobNews,
  JobView,
} from "../../lib/manager/api/job_api.ts";
import { noCounts } from "../../lib/base/job_counts.ts";
import { FRESH_FIELDS } from "../../lib/store/fresh_command.ts";
import type { AuditRecord } from "../../lib/store/audit_records.ts";
import type { CommandFilter } from "../../lib/store/records.ts";

/** Manager without agents, database or network: it answers from memory, and records its calls. */
export class SmallManager implements Manager {
  readonly asked: unknown[] = [];
  readonly known = new Map<string, AgentView>();
  readonly recorded: CommandView[] = [];
  readonly happened: EventView[] = [];
  readonly entries: TimelineEntry[] = [];

  /** Answer to each question for targets. */
  resolved: ResolvedTargets = {
    agents: [],
    leftOut: { retired: 0, notJoined: 0, awayNotAsked: 0 },
    notSampled: 0,
    missing: [],
    lacking: [],
    unmatched: [],
    gone: [],
  };

  /** Agents of each ping. */
  pinged: PingedAgent[] = [];

  access: Manager["access"] = {
    list: () => [],
    add: () => Promise.reject(noAccess()),
    invite: () => Promise.reject(noAccess()),
    set: () => Promise.reject(noAccess()),
    remove: () => Promise.reject(noAccess()),
    revoke: () => Promise.reject(noAccess()),
    logout: () => Promise.reject(noAccess()),
    whose: () => "unknown token",
    addRule: () => Promise.reject(noAccess()),
    removeRule: () => Promise.reject(noAccess()),
    test: () => Promise.reject(noAccess()),
    login: () => Promise.reject(noAccess()),
    admit: () => undefined,
  };

  enrolment: Manager["enrolment"] = {
    createToken: () => Promise.reject(noAccess()),
    tokens: () => Promise.resolve([]),
    revokeToken: () => Promise.reject(noAccess()),
    pending: () => Promise.resolve([]),
    accept: () => Promise.reject(noAccess()),
    reject: () => Promise.reject(noAccess()),
  };

  keys: Manager["keys"] = {
    view: () => Promise.reject(noAccess()),
    start: () => Promise.reject(noAccess()),
    finish: () => Promise.reject(noAccess()),
    hasAuthorityKey: () => Promise.reject(noAccess()),
    hasNextAuthorityKey: () => Promise.reject(noAccess()),
    certificate: () => Promise.reject(noAccess()),
    replaceCertificate: () => Promise.reject(noAccess()),
  };

  ci: Manager["ci"] = {
    issuers: () => [],
    addIssuer: () => Promise.reject(noAccess()),
    setIssuer: () => Promise.reject(noAccess()),
    removeIssuer: () => Promise.reject(noAccess()),
    addOperator: () => Promise.reject(noAccess()),
    login: () => Promise.reject(noAccess()),
  };

  releases: Manager["releases"] = {
    list: () => Promise.resolve([]),
    add: () => Promise.reject(noAccess()),
    remove: () => Promise.reject(noAccess()),
  };

  secrets: Manager["secrets"] = {
    list: () => Promise.resolve([]),
    set: () => Promise.reject(noAccess()),
    edit: () => Promise.reject(noAccess()),
    remove: () => Promise.reject(noAccess()),
    rotate: () => Promise.reject(noAccess()),
  };

  approvals: Manager["approvals"] = {
    start: (request) => this.jobs.start(request),
    list: () => Promise.resolve([]),
    get: () => Promise.reject(noAccess()),
    watch: () => {
      throw noAccess();
    },
    approve: () => Promise.reject(noAccess()),
    sign: () => Promise.reject(noAccess()),
    reject: () => Promise.reject(noAccess()),
    withdraw: () => Promise.reject(noAccess()),
  };

  drift: Manager["drift"] = { list: () => Promise.resolve([]) };

  plans: Manager["plans"] = {
    make: () => Promise.reject(noAccess()),
    get: () => Promise.reject(noAccess()),
    list: () => Promise.resolve([]),
    placesOf: () => Promise.resolve(new Map()),
    apply: () => Promise.reject(noAccess()),
    approve: () => Promise.reject(noAccess()),
    withdraw: () => Promise.reject(noAccess()),
  };

  agents: Manager["agents"] = {
    list: () => Promise.resolve([...this.known.values()]),
    add: (agent) => {
      this.asked.push(agent);
      if (this.known.has(agent.id)) {
        throw new PiriError(
          "ALREADY_EXISTS",
          `Cannot add agent "${agent.id}": there is one of that name`,
        );
      }
      this.known.set(agent.id, anAgent({ ...agent }));
      return Promise.resolve(`token of ${agent.id}`);
    },
    addWithSecret: (agent) => {
      this.asked.push(agent);
      this.known.set(agent.id, anAgent({ ...agent, joined: true }));
      return Promise.resolve();
    },
    renewToken: (id, expiresInMs) => {
      this.asked.push({ id, expiresInMs });
      return Promise.resolve(`new token of ${id}`);
    },
    set: (expressions, change, asker) => {
      this.asked.push({ expressions, ...change, asker });
      return Promise.resolve({ names: ["web-1", "web-2"], changed: ["web-2"] });
    },
    resolve: (selection) => {
      this.asked.push(selection);
      return Promise.resolve(this.resolved);
    },
    ping: (selection, timeoutMs) => {
      this.asked.push({ ...selection, timeoutMs });
      return Promise.resolve({ ...this.resolved, agents: this.pinged });
    },
    names: (wanted) => {
      this.asked.push(wanted);
      return { agents: ["web-1"], groups: ["web"], facts: ["os"] };
    },
    rename: (id, newId, asker) => {
      this.asked.push({ rename: id, newId, asker });
      return Promise.resolve(this.known.has(id));
    },
    revoke: (id) => {
      this.asked.push({ revoke: id });
      return Promise.resolve({ commands: this.recorded, told: true });
    },
    remove: (id, options) => {
      this.asked.push({ id, ...options });
      if (this.known.delete(id)) {
        return Promise.resolve({ commands: this.recorded, told: true });
      }
      throw new PiriError(
        "NOT_FOUND",
        `Cannot remove agent "${id}": there is none of that name`,
      );
    },
  };

  /** Entries of the audit, oldest first. */
  readonly auditEntries: AuditRecord[] = [];
  /** Answer to each check of the audit. */
  verdict: AuditVerdict = aVerdict();

  audit: Manager["audit"] = {
    list: (request) => {
      this.asked.push(request);
      return Promise.resolve(this.auditEntries.toReversed());
    },
    export: async function* (
      this: SmallManager,
      { fromId, follow }: Parameters<Manager["audit"]["export"]>[0],
    ) {
      this.asked.push({ fromId, follow });
      yield* await Promise.resolve(this.auditEntries);
    }.bind(this),
    verify: (_signal, ask) => {
      if (ask !== undefined) this.asked.push(ask);
      return Promise.resolve(this.verdict);
    },
    prune: (cut, asker) => {
      this.asked.push({ ...cut, asker });
      return Promise.resolve({ deleted: 3n, upTo: 7n, asked: 9n });
    },
    denied: (denial) => {
      this.asked.push(denial);
    },
  };

  /** True for agents that do not confirm a cancel. */
  unconfirmed = false;

  commands: Manager["commands"] = {
    run: (request) => Promise.resolve(this.#run(request)),
    runForIds: (request) => {
      const { job, commands } = this.#run(request);
      return Promise.resolve({ job, ids: commands.map(({ id }) => id) });
    },
    // deno-lint-ignore require-yield
    watch: async function* () {
      await Promise.reject(new PiriError("NOT_FOUND", "Cannot watch: no"));
    },
    cancel: (id, request) => {
      this.asked.push({ id, ...request });
      const { unconfirmed } = this;
      return Promise.resolve({ ...this.#get(id), unconfirmed });
    },
    rerun: (id, request) => {
      this.asked.push({ id, ...request });
      return Promise.resolve(aCommand({ id: id + 1n, rerunOf: id }));
    },
    giveUp: (id, asker) => {
      this.asked.push({ id, ...asker });
      return Promise.resolve(this.#get(id));
    },
    timeline: (id) =>
      Promise.resolve({
        command: this.#get(id),
        at: 9_000.5,
        entries: this.entries,
      }),
    dropOutput: (id) => {
      this.asked.push({ dropOutput: id });
      return Promise.resolve();
    },
    get: (id) => Promise.resolve(id).then((id) => this.#get(id)),
    list: (filter: CommandFilter) => {
      this.asked.push(filter);
      return Promise.resolve(this.recorded);
    },
  };

  /** Jobs that are known. */
  readonly madeJobs: JobView[] = [];
  readonly jobEntries: EntryView[] = [];
  /** News of each watched job. */
  readonly jobNews: JobNews[] = [];

  jobs: Manager["jobs"] = {
    start: (request) => {
      this.asked.push(request);
      const { requestId: _requestId, timeoutMs, killAfterMs, ...made } =
        request;
      const job = aJob({
        ...made,
        timeoutMs: timeoutMs ?? null,
        killAfterMs: killAfterMs ?? null,
        survive: made.survive ?? false,
        id: BigInt(this.madeJobs.length + 1),
        signed: null,
      });
      this.madeJobs.push(job);
      const { agents: _agents, ...notes } = this.resolved;
      return Promise.resolve({
        job,
        notes: { ...notes, expected: ["web-9"], denied: [] },
      });
    },
    get: (id) => Promise.resolve(id).then((id) => this.#job(id)),
    list: (filter) => {
      this.asked.push(filter);
      return Promise.resolve(this.madeJobs);
    },
    entries: (id, page) => {
      this.asked.push({ id, ...page });
      return Promise.resolve(this.jobEntries);
    },
    watch: async function* (
      this: SmallManager,
      id: bigint,
      { output, from }: { output: boolean; from: unknown },
    ) {
      this.asked.push({ id, output, from });
      yield* await Promise.resolve(this.jobNews);
    }.bind(this),
    cancel: (id, request) => {
      this.asked.push({ id, ...request });
      return Promise.resolve(this.#job(id));
    },
    pause: (id, asker) => {
      this.asked.push({ pause: id, asker });
      return Promise.resolve(this.#job(id));
    },
    resume: (id, asker) => {
      this.asked.push({ resume: id, asker });
      return Promise.resolve(this.#job(id));
    },
    rerun: (id, request) => {
      this.asked.push({ id, ...request });
      const job = aJob({ id: id + 1n, rerunOf: id });
      return Promise.resolve({ job, notes: undefined });
    },
  };

  events: Manager["events"] = {
    watch: async function* (
      this: SmallManager,
      start: unknown,
      { follow, filter }: { follow: boolean; filter: EventFilter },
    ) {
      this.asked.push({ start, follow, filter });
      yield* await Promise.resolve(this.happened);
    }.bind(this),
  };

  /** Bytes of blobs and uploads, by hash and by id. */
  readonly stored = new Map<string, Uint8Array>();

  blobs: Manager["blobs"] = {
    has: (sha256) => Promise.resolve(this.stored.has(sha256)),
    add: (contents) => {
      const hashes = contents.map((bytes) => {
        const sha256 = createHash("sha256").update(bytes).digest("hex");
        this.stored.set(sha256, bytes);
        return sha256;
      });
      return Promise.resolve(hashes);
    },
    begin: (size) => {
      this.asked.push({ size });
      this.stored.set("upload-1", new Uint8Array());
      return Promise.resolve("upload-1");
    },
    offset: (id) => Promise.resolve(this.stored.get(id)?.length ?? 0),
    append: (id, offset, bytes) => {
      const before = this.stored.get(id)?.subarray(0, offset) ?? bytes;
      this.stored.set(id, concat([before, bytes]));
      return Promise.resolve(offset + bytes.length);
    },
    finish: (id, expected) => {
      this.asked.push({ id, expected });
      const size = this.stored.get(id)?.length ?? 0;
      return Promise.resolve({ sha256: "ab".repeat(32), size });
    },
  };

  operations: Manager["operations"] = [{
    name: "echo.Echo",
    description: "Answers what it is asked.",
    parameters: [{
      name: "text",
      type: "string",
      required: true,
      description: "What to answer.",
    }],
  }];

  writeFailure: Manager["writeFailure"];

  status(): Promise<ManagerStatus> {
    return Promise.resolve({
      version: "0.1.0",
      managerId: "m-1",
      startedAt: 1_000,
      listen: "0.0.0.0:7051",
      advertise: "mgr.example.org:7051",
      agentsConnected: 1,
      agentsKnown: 2,
      commandsOpen: 3,
      commandsTotal: 2n ** 53n + 1n,
      outputBytes: 5n,
      databaseBytes: 6n,
      retention: { days: 30, outputBytes: 7n, outputBytesPerCommand: 8n },
      blobs: { count: 3, bytes: 10, limit: 11 },
      certificateExpiresAt: 9_000,
      counters: { "frames.refused": 2n },
    });
  }

  #run(request: RunRequest): { job: string; commands: CommandView[] } {
    this.asked.push(request);
    const commands = request.agents.map((agent, index) =>
      aCommand({
        id: BigInt(this.recorded.length + index + 1),
        agent,
        operation: request.operation,
        params: request.params,
      })
    );
    this.recorded.push(...commands);
    return { job: request.requestId, commands };
  }

  #job(id: bigint): JobView {
    const job = this.madeJobs.find((job) => job.id === id);
    if (job !== undefined) return job;
    throw new PiriError(
      "NOT_FOUND",
      `Cannot find job j-${id}: there is no such job`,
    );
  }

  #get(id: bigint): CommandView {
    const command = this.recorded.find((command) => command.id === id);
    if (command !== undefined) return command;
    throw new PiriError(
      "NOT_FOUND",
      `Cannot find command ${id}: there is none of that id`,
    );
  }
}

/** Result of a check of an audit without checkpoints. */
export function aVerdict(known: Partial<AuditVerdict> = {}): AuditVerdict {
  return {
    count: 0n,
    finding: undefined,
    problems: [],
    checkpoints: 0,
    newest: undefined,
    stub: undefined,
    agents: [],
    ...known,
  };
}

/** Agent that has never connected. */
export function anAgent(known: Partial<AgentView> = {}): AgentView {
  return {
    id: "web-1",
    connected: false,
    since: null,
    address: "",
    version: "",
    protocol: "",
    groups: [],
    cidrs: [],
    joined: false,
    facts: {},
    setFacts: {},
    retired: false,
    revokedAt: null,
    instance: "",
    ...known,
  };
}

/** Job that was just made. */
export function aJob(known: Partial<JobView> = {}): JobView {
  return {
    id: 1n,
    state: "running",
    reason: "",
    targets: { expressions: ["all"] },
    operation: "echo.Echo",
    params: "{}",
    timeoutMs: null,
    onDisconnect: "continue",
    killAfterMs: null,
    survive: false,
    limits: {
      canaryTargets: [],
      cancelRest: false,
      order: "name",
      supersedeKey: "",
    },
    name: "",
    note: "",
    signed: null,
    approvedBy: [],
    requestedBy: "",
    saidBy: "",
    createdAt: 1_000,
    finishedAt: null,
    rerunOf: null,
    cancelRequestedAt: null,
    cancelRequestedBy: "",
    cancelSaidBy: "",
    cancelGraceMs: null,
    total: 2,
    canaries: 0,
    counts: { ...noCounts(2), waiting: 2 },
    ...known,
  };
}

/** Command that was just recorded. */
export function aCommand(known: Partial<CommandView> = {}): CommandView {
  return {
    id: 1n,
    agent: "web-1",
    operation: "echo.Echo",
    params: "{}",
    nonce: 7n,
    job: "job-1",
    requestedBy: "",
    saidBy: "",
    timeoutMs: null,
    onDisconnect: "continue",
    killAfterMs: null,
    survive: false,
    state: "queued",
    instance: null,
    session: null,
    createdAt: 1_000,
    sentAt: null,
    rerunOf: null,
    ...FRESH_FIELDS,
    unreachableSince: null,
    ...known,
  };
}

function noAccess(): PiriError {
  return new PiriError("FAILED_PRECONDITION", "There are no operators here");
}
