import { ALL_EVENTS, type EventFilter } from "../../lib/base/event_filter.ts";
import { parseAddress } from "../../lib/base/address.ts";
import type { Counters } from "../../lib/base/counters.ts";
import { hashSecret } from "../../lib/base/secret.ts";
import type { AgentRoster } from "../../lib/manager/agents/agent_roster.ts";
import type { Access } from "../../lib/manager/access/access.ts";
import type { Approvals } from "../../lib/manager/approvals/approvals.ts";
import type { CiLogins } from "../../lib/manager/access/ci_logins.ts";
import type { AuditLog } from "../../lib/manager/audit/audit_log.ts";
import type { Enrolments } from "../../lib/manager/keys/enrolment.ts";
import type { Agents } from "../../lib/manager/agents/agents.ts";
import type { Commands } from "../../lib/manager/commands.ts";
import type { CoreSettings, ManagerCore } from "../../lib/manager/core.ts";
import type { Drift } from "../../lib/manager/drift/drift.ts";
import type { Plans } from "../../lib/manager/plans/plans.ts";
import type { Events } from "../../lib/manager/events/events.ts";
import type { Jobs } from "../../lib/manager/jobs/jobs.ts";
import type { KeyRotation } from "../../lib/manager/keys/key_rotation.ts";
import type { LocalFleet } from "../../lib/manager/fleet.ts";
import type {
  CommandView,
  RunRequest,
  WatchEvent,
} from "../../lib/manager/api/operator_api.ts";
import type { ManagerSession } from "../../lib/manager/session.ts";
import type { StorageHealth } from "../../lib/manager/storage_health.ts";
import { openStore } from "../../lib/store/open.ts";
import type { EventRecord } from "../../lib/store/records.ts";
import type { Store } from "../../lib/store/store.ts";
import type { End } from "../../lib/wire/connection.ts";
import { KEYLESS_FEATURES } from "../../lib/wire/features.ts";
import { memoryTransports } from "../../lib/wire/memory_transport.ts";
import type { Transport } from "../../lib/wire/transport.ts";
import { countingRandom } from "./counting_random.ts";
import { FakeClock } from "./fake_clock.ts";
import { type CoreChanges, memoryCore } from "./memory_core.ts";
import { type Init, ScriptedPeer } from "./scripted_peer.ts";
import { SlowStore } from "./slow_store.ts";

/** Instance of an agent. */
export const INSTANCE = "0123456789abcdef0123456789abcdef";

/** Instance of another agent. */
export const OTHER_INSTANCE = "fedcba9876543210fedcba9876543210";

/** Changes to the usual MemoryManager. */
export interface CoreOptions extends CoreChanges {
  /** Address that agents dial from. */
  readonly peer?: string;
  /** File of the database; memory by default. */
  readonly path?: string;
  /** True if the store belongs to the caller. */
  readonly borrowed?: boolean;
}

/** Core of a Manager without sockets: a real store in memory, real sessions, and a clock that stands still. */
export class MemoryManager implements AsyncDisposable {
  readonly clock: FakeClock;
  readonly counters: Counters;
  readonly fleet: LocalFleet;
  readonly roster: AgentRoster;
  readonly store: Store;
  readonly slow: SlowStore;
  readonly events: Events;
  readonly storage: StorageHealth;
  readonly commands: Commands;
  readonly agents: Agents;
  readonly jobs: Jobs;
  readonly audit: AuditLog;
  readonly approvals: Approvals;
  readonly plans: Plans;
  readonly drift: Drift;
  readonly access: Access;
  readonly enrolment: Enrolments;
  readonly ci: CiLogins;
  readonly keys: KeyRotation;
  /** End of each connection, in the order in which they were made. */
  readonly ends: Promise<End | undefined>[] = [];
  readonly sessions: ManagerSession[] = [];
  /** Length of each write, for each connection. */
  readonly writes: number[][] = [];
  readonly #options: CoreOptions;
  readonly #core: ManagerCore;
  readonly #peers: ScriptedPeer[] = [];
  #requests = 0;
  #sessionNumbers = 0n;

  static async start(options: CoreOptions = {}): Promise<MemoryManager> {
    const clock = new FakeClock();
    const store = await openStore(options.path ?? ":memory:", {
      clock,
      random: countingRandom(),
    });
    return new MemoryManager(store, clock, options);
  }

  private constructor(store: Store, clock: FakeClock, options: CoreOptions) {
    this.clock = clock;
    this.#options = options;
    this.slow = new SlowStore(store);
    const { peer: _peer, path: _path, borrowed: _borrowed, ...changes } =
      options;
    const { store: slow } = this.slow;
    const random = countingRandom();
    this.#core = memoryCore({ store: slow, clock, random }, changes);
    this.roster = this.#core.roster;
    // Writes of a test count as those of the Manager.
    this.store = this.roster.watch(this.slow.store);
    this.counters = this.#core.counters;
    this.fleet = this.#core.fleet;
    this.events = this.#core.events;
    this.storage = this.#core.storage;
    this.commands = this.#core.commands;
    this.agents = this.#core.agents;
    this.jobs = this.#core.jobs;
    this.audit = this.#core.audit;
    this.approvals = this.#core.approvals;
    this.plans = this.#core.plans;
    this.drift = this.#core.drift;
    this.access = this.#core.access;
    this.enrolment = this.#core.enrolment;
    this.ci = this.#core.ci;
    this.keys = this.#core.keys;
    this.#core.offerControl({
      address: "mgr.example.org:7052",
      caCertificate: new Uint8Array([1, 2, 3]),
    });
  }

  /** Changes settings while it runs. */
  adopt(settings: CoreSettings): Promise<void> {
    return this.#core.adopt(settings);
  }

  /** Stops the Manager: agents hear Bye. Resolves once they have left, or time has passed. */
  shutdown(): Promise<void> {
    return this.#core.shutdown();
  }

  /** Adds an agent that has joined with the secret "secret of NAME". */
  async knows(
    name: string,
    { cidrs = [], groups = [] }: { cidrs?: string[]; groups?: string[] } = {},
  ): Promise<void> {
    const tokenHash = hashSecret("token");
    await this.store.addAgent({
      id: name,
      groups,
      cidrs,
      tokenHash,
      tokenExpiresAt: Number.MAX_SAFE_INTEGER,
      addedAt: this.clock.now(),
    });
    await this.store.enrolAgent(name, {
      tokenHash,
      secretHash: hashSecret(`secret of ${name}`),
      at: this.clock.now(),
    });
  }

  /** Makes a connection of an agent that is there as a whole, and returns the agent's end of it. */
  connect(): Transport {
    const [ours, theirs] = memoryTransports();
    this.#serve(this.#from(ours));
    return theirs;
  }

  /** Makes a connection and returns the agent's end of it. */
  dial({ reads = true } = {}): ScriptedPeer {
    const [ours, theirs] = memoryTransports();
    const peer = new ScriptedPeer(theirs, { reads });
    this.#peers.push(peer);
    this.#serve(this.#from(ours));
    return peer;
  }

  /** Makes a connection that has said hello, as the agent of this name would. */
  async hello(
    name: string,
    init: Init<"clientHello"> = {},
  ): Promise<ScriptedPeer> {
    const peer = this.dial();
    await peer.says("clientHello", this.helloOf(name, init));
    return peer;
  }

  /** Makes a connection of an agent that is admitted and ready. */
  async admitted(
    name: string,
    init: Init<"clientHello"> = {},
  ): Promise<ScriptedPeer> {
    const peer = await this.hello(name, init);
    await peer.hears("serverHello");
    return peer;
  }

  /** Makes a connection of a legacy agent that has answered its first ping. */
  async admittedOld(name: string): Promise<ScriptedPeer> {
    const peer = await this.hello(name, OLD_HELLO);
    await peer.hears("serverHello");
    await peer.says("pong", { data: (await peer.hears("ping")).data });
    await this.clock.settle();
    return peer;
  }

  /** Next hello of an agent. */
  helloOf(name: string, init: Init<"clientHello"> = {}): Init<"clientHello"> {
    return {
      clientId: name,
      auth: `secret of ${name}`,
      protocol: 2,
      features: [...KEYLESS_FEATURES],
      instance: INSTANCE,
      session: ++this.#sessionNumbers,
      ...init,
    };
  }

  /** Asks for an operation on one agent, as an operator would. */
  async run(
    agent: string,
    request: Partial<RunRequest> = {},
  ): Promise<CommandView> {
    const { commands: [command] } = await this.commands.run({
      agents: [agent],
      operation: "echo.Echo",
      params: "{}",
      requestId: `request ${++this.#requests}`,
      onDisconnect: "continue",
      requestedBy: "test",
      ...request,
    });
    if (command === undefined) throw new Error("nothing was run");
    return command;
  }

  /** Kinds of the recorded events, oldest first. */
  async eventKinds(): Promise<string[]> {
    return (await this.happened()).map(({ kind }) => kind);
  }

  /** Recorded events, oldest first. Those that are read from the records of commands are not among them. */
  async happened(): Promise<EventRecord[]> {
    await this.clock.settle();
    const { entries } = await this.store.eventHistory({
      from: undefined,
      direction: "newer",
      limit: 1_000,
      filter: ALL_EVENTS,
    });
    return entries.flatMap((entry) => "event" in entry ? [entry.event] : []);
  }

  /** All events as operators see them, oldest first, as "kind: message". */
  async seen(filter: Partial<EventFilter> = {}): Promise<string[]> {
    await this.clock.settle();
    const events = this.events.watch({ tail: 1_000 }, {
      follow: false,
      filter: { ...ALL_EVENTS, ...filter },
      signal: new AbortController().signal,
    });
    const seen: string[] = [];
    for await (const { kind, message } of events) {
      seen.push(`${kind}: ${message}`);
    }
    return seen;
  }

  /** Output of a command in the store, as text. */
  async output(
    id: bigint,
    stream: "stdout" | "stderr" = "stdout",
  ): Promise<string> {
    const pieces = await this.store.readOutput(id, {
      stream,
      offset: 0n,
      limit: 1e9,
    });
    return pieces.map(({ bytes }) => new TextDecoder().decode(bytes)).join("");
  }

  /** Watches commands from their start. */
  watch(...ids: bigint[]): Watcher {
    return new Watcher(this, ids);
  }

  /** Another Manager on the same store, as after a restart. The store is closed together with this one. */
  async restarted(): Promise<MemoryManager> {
    const again = new MemoryManager(this.store, this.clock, {
      ...this.#options,
      borrowed: true,
    });
    await again.#core.load();
    return again;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const peer of this.#peers) peer.hangUp();
    await Promise.all(this.ends);
    await this.clock.settle();
    if (this.#options.borrowed) return;
    await this.store[Symbol.asyncDispose]();
  }

  #from(transport: Transport): Transport {
    const writes: number[] = [];
    this.writes.push(writes);
    return {
      peer: parseAddress(this.#options.peer ?? "10.1.2.3:5000"),
      read: () => transport.read(),
      write: (bytes) => {
        writes.push(bytes.length);
        return transport.write(bytes);
      },
      close: () => transport.close(),
    };
  }

  #serve(transport: Transport): void {
    this.ends.push(this.#core.serve(transport));
    this.sessions.push(...[...this.#core.sessions].slice(-1));
  }
}

/** Empty values for the fields that the hello of a legacy agent lacks. */
export const OLD_HELLO: Init<"clientHello"> = {
  protocol: 0,
  features: [],
  instance: "",
  session: 0n,
};

/** Operator who watches commands. */
export class Watcher {
  readonly #events: AsyncIterator<WatchEvent>;
  readonly #stop = new AbortController();

  constructor(
    { commands }: MemoryManager,
    ids: readonly bigint[],
    offsets: { stdout?: bigint; stderr?: bigint } = {},
  ) {
    this.#events = commands.watch(
      ids.map((id) => ({
        id,
        stdoutOffset: offsets.stdout ?? 0n,
        stderrOffset: offsets.stderr ?? 0n,
      })),
      this.#stop.signal,
    )[Symbol.asyncIterator]();
  }

  /** Next event in a short form; undefined at the end. */
  async next(): Promise<string | undefined> {
    const { done, value } = await this.#events.next();
    return done ? undefined : inShort(value);
  }

  /** All events up to the end, in a short form. */
  async rest(): Promise<string[]> {
    const events: string[] = [];
    let event = await this.next();
    while (event !== undefined) {
      events.push(event);
      event = await this.next();
    }
    return events;
  }

  stop(): void {
    this.#stop.abort();
  }
}

function inShort(event: WatchEvent): string {
  switch (event.kind) {
    case "command":
      return event.command.state;
    case "output": {
      const text = new TextDecoder().decode(event.bytes);
      const cut = event.cut > 0n ? ` after a cut of ${event.cut}` : "";
      return `${event.stream} ${event.offset} "${text}"${cut}`;
    }
    case "progress":
      return `${event.current} of ${event.total}`;
    case "cutOff":
      return "cut off";
    case "storage":
      return event.failure === undefined
        ? "storage works"
        : `storage fails: ${event.failure.reason}`;
  }
}
