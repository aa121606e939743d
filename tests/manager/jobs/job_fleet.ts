import { encodeHex } from "@std/encoding/hex";
import type {
  EntryView,
  JobNews,
  JobRequest,
  JobView,
} from "../../../lib/manager/job_api.ts";
import {
  type Command,
  CommandResult_Status,
} from "../../../proto/gen/piri/agent/v1/agent_messages.ts";
import {
  type CoreOptions,
  MemoryManager,
} from "../../support/memory_manager.ts";
import type { Init, ScriptedPeer } from "../../support/scripted_peer.ts";

/** Limits of a job as a test gives them. */
export type Limits = Partial<JobRequest["limits"]>;

/** Request as a test gives it. */
export type Asked = Omit<Partial<JobRequest>, "limits" | "targets"> & {
  readonly targets?: string | JobRequest["targets"];
  readonly limits?: Limits;
};

/** Command that an agent received, and when by the Manager's clock. */
export interface Received {
  readonly agent: string;
  readonly id: bigint;
  readonly at: number;
}

/** Agents of one Manager. What they received is the judge of each test. */
export class JobFleet implements AsyncDisposable {
  /** Commands in the order in which agents received them. */
  readonly received: Received[] = [];
  readonly #peers = new Map<string, ScriptedPeer>();
  readonly #managers: MemoryManager[] = [];
  #requests = 0;

  private constructor(manager: MemoryManager) {
    this.#managers.push(manager);
  }

  /** Starts a Manager with agents that are connected. */
  static async start(
    names: readonly string[] = [],
    options: CoreOptions = {},
  ): Promise<JobFleet> {
    const fleet = new JobFleet(await MemoryManager.start(options));
    for (const name of names) {
      await fleet.manager.knows(name);
      await fleet.connect(name);
    }
    return fleet;
  }

  /** The Manager that runs now. */
  get manager(): MemoryManager {
    const manager = this.#managers.at(-1);
    if (manager === undefined) throw new Error("no Manager runs");
    return manager;
  }

  get jobs(): MemoryManager["jobs"] {
    return this.manager.jobs;
  }

  /** Connects an agent that the Manager knows. */
  async connect(name: string, init: Init<"clientHello"> = {}): Promise<void> {
    const received = this.received.filter(({ agent }) => agent === name);
    const peer = await this.manager.admitted(name, {
      instance: instanceOf(name),
      lastCommandId: received.reduce(
        (last, { id }) => id > last ? id : last,
        0n,
      ),
      ...init,
    });
    this.#peers.set(name, peer);
    await this.settle();
  }

  /** Breaks the connection of an agent. */
  async disconnect(name: string): Promise<void> {
    this.#peers.get(name)?.hangUp();
    this.#peers.delete(name);
    await this.settle();
  }

  peer(name: string): ScriptedPeer {
    const peer = this.#peers.get(name);
    if (peer === undefined) throw new Error(`"${name}" is not connected`);
    return peer;
  }

  /** Lets everything happen, and takes what the agents have received. */
  async settle(): Promise<void> {
    await this.manager.clock.settle();
    const heard: Command[] = [];
    for (const [agent, peer] of this.#peers) {
      for (const { case: kind, value } of peer.heardSoFar()) {
        if (kind !== "command") continue;
        heard.push(value);
        this.received.push({
          agent,
          id: value.commandId,
          at: this.manager.clock.now(),
        });
      }
    }
  }

  async advance(ms: number): Promise<void> {
    await this.manager.clock.advance(ms);
    await this.settle();
  }

  /** Names of the agents that received a command, in this order. */
  get started(): string[] {
    return this.received.map(({ agent }) => agent);
  }

  /** Ends the newest command of an agent. */
  async finish(
    name: string,
    status: CommandResult_Status = CommandResult_Status.SUCCESS,
  ): Promise<void> {
    const last = this.received.findLast(({ agent }) => agent === name);
    await this.peer(name).says("result", {
      commandId: last?.id ?? 0n,
      status,
      exitCode: status === CommandResult_Status.SUCCESS ? 0 : 1,
    });
    await this.settle();
  }

  async fail(name: string): Promise<void> {
    await this.finish(name, CommandResult_Status.FAILED);
  }

  /** Asks for a job, as an operator would. */
  async start(asked: Asked = {}): Promise<JobView> {
    const { targets = "all", limits, ...request } = asked;
    const { job } = await this.jobs.start({
      targets: typeof targets === "string"
        ? { expressions: [targets] }
        : targets,
      operation: "echo.Echo",
      params: "{}",
      requestId: `job ${++this.#requests}`,
      onDisconnect: "continue",
      requestedBy: "test",
      saidBy: "",
      name: "",
      note: "",
      limits: {
        canaryTargets: [],
        cancelRest: false,
        order: "name",
        supersedeKey: "",
        ...limits,
      },
      ...request,
    });
    await this.settle();
    return job;
  }

  /** State of a job, with its reason if it has one. */
  async state(id = 1n): Promise<string> {
    const { state, reason } = await this.jobs.get(id);
    return reason === "" ? state : `${state}: ${reason}`;
  }

  /** Counts of a job that are not 0, as text. */
  async counts(id = 1n): Promise<string> {
    const { counts } = await this.jobs.get(id);
    return Object.entries(counts)
      .filter(([name, count]) => name !== "total" && count !== 0)
      .map(([name, count]) => `${name} ${count}`).join(", ");
  }

  /** Entries of a job, each as "AGENT STATE: REASON"; a command's state if there is one. */
  async entries(id = 1n): Promise<string[]> {
    const entries = await this.jobs.entries(id, { from: 0, limit: 10_000 });
    return entries.map(entryText);
  }

  /** Follows a job to its end, or until stopped. */
  watch(
    id = 1n,
    { output = false } = {},
  ): { readonly news: string[]; readonly done: Promise<void>; stop(): void } {
    const abort = new AbortController();
    const { signal } = abort;
    const news: string[] = [];
    const read = async () => {
      const stream = this.jobs.watch(id, { output, from: [], signal });
      for await (const each of stream) news.push(newsText(each));
    };
    return { news, done: read(), stop: () => abort.abort() };
  }

  /** Stops the Manager without a word, as a crash, and starts another one on its database. */
  async restart({ crash = true } = {}): Promise<void> {
    const before = this.manager;
    if (!crash) {
      const stopped = before.shutdown();
      await before.clock.advance(5_000);
      await stopped;
    } else await before.jobs.stop();
    for (const peer of this.#peers.values()) peer.hangUp();
    this.#peers.clear();
    await Promise.all(before.ends);
    await before.clock.settle();
    this.#managers.push(await before.restarted());
    await this.settle();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const peer of this.#peers.values()) peer.hangUp();
    for (const manager of this.#managers.toReversed()) {
      await manager.jobs.stop();
      await manager[Symbol.asyncDispose]();
    }
  }
}

/** Instance of an agent of this name. */
export function instanceOf(name: string): string {
  const bytes = new TextEncoder().encode(name);
  return encodeHex(bytes).padEnd(32, "0").slice(0, 32);
}

export function entryText(entry: EntryView): string {
  const { agent, state, reason, command } = entry;
  return `${agent} ${command?.state ?? state}${
    reason === "" ? "" : `: ${reason}`
  }`;
}

function newsText({ job, entries, event, complete }: JobNews): string {
  if (job !== undefined) return `job ${job.state}`;
  if (entries !== undefined) return entries.map(entryText).join(", ");
  if (complete) return "complete";
  if (event?.kind === "output") {
    return `output ${new TextDecoder().decode(event.bytes)}`;
  }
  return event?.kind ?? "nothing";
}
