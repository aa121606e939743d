import { encodeHex } from "@std/encoding/hex";
import type {
  EntryView,
  JobNews,
  JobRequest,
  JobView,
  StartedJob,
} from "../../../lib/manager/api/job_api.ts";
import {
  CommandResult_Status,
  CommandState_State,
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
  readonly nonce: bigint;
}

/** Longest time in which pings are not answered, in milliseconds. */
const STEP_MS = 5_000;

/** Agents of one Manager. What they received is the judge of each test. */
export class JobFleet implements AsyncDisposable {
  /** Commands in the order in which agents received them. */
  readonly received: Received[] = [];
  /** Names of the agents that were asked to cancel a command, in this order. */
  readonly cancelled: string[] = [];
  readonly #peers = new Map<string, ScriptedPeer>();
  readonly #managers: MemoryManager[] = [];
  /** Commands that agents have, and have not ended. */
  readonly #open = new Map<bigint, Received>();
  #sessions = 0n;
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

  /** Connects an agent that the Manager knows. It tells what it has and has had. */
  async connect(name: string, init: Init<"clientHello"> = {}): Promise<void> {
    const ids = this.received.filter(({ agent }) => agent === name)
      .map(({ id }) => id);
    const peer = await this.manager.admitted(name, {
      instance: instanceOf(name),
      session: ++this.#sessions,
      lastCommandId: ids.reduce((last, id) => id > last ? id : last, 0n),
      commands: [...this.#open.values()].filter(({ agent }) => agent === name)
        .map(({ id, nonce }) => ({
          commandId: id,
          nonce,
          state: CommandState_State.RUNNING,
        })),
      ...init,
    });
    peer.answerPings();
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
    const received: Received[] = [];
    for (const [agent, peer] of this.#peers) {
      for (const { case: kind, value } of peer.heardSoFar()) {
        if (kind === "cancel") this.cancelled.push(agent);
        if (kind !== "command") continue;
        const at = this.manager.clock.now();
        const { commandId: id, nonce } = value;
        received.push({ agent, id, at, nonce });
        this.#open.set(id, { agent, id, at, nonce });
      }
    }
    // Ids ascend in the order of starting.
    this.received.push(...received.sort((a, b) => Number(a.id - b.id)));
    await this.manager.clock.settle();
  }

  async advance(ms: number): Promise<void> {
    for (let left = ms; left > 0; left -= STEP_MS) {
      await this.manager.clock.advance(Math.min(left, STEP_MS));
      await this.settle();
    }
  }

  /** Names of the agents that received a command, in this order. */
  get started(): string[] {
    return this.received.map(({ agent }) => agent);
  }

  /** Names of the agents that have a command that has not ended, and are connected or not. */
  get busy(): string[] {
    return [...this.#open.values()].map(({ agent }) => agent);
  }

  isConnected(name: string): boolean {
    return this.#peers.has(name);
  }

  /** Ends the newest command of an agent. */
  async finish(
    name: string,
    status: CommandResult_Status = CommandResult_Status.SUCCESS,
  ): Promise<void> {
    const last = this.received.findLast(({ agent }) => agent === name);
    this.#open.delete(last?.id ?? 0n);
    await this.peer(name).says("result", {
      commandId: last?.id ?? 0n,
      status,
      exitCode: status === CommandResult_Status.SUCCESS ? 0 : 1,
    });
    await this.settle();
  }

  /** Ends the command of an agent, if it is connected and has one. */
  async finishIfBusy(name: string, { fails = false } = {}): Promise<void> {
    const isAble = this.isConnected(name) && this.busy.includes(name);
    const end = () => fails ? this.fail(name) : this.finish(name);
    await (isAble ? end() : this.settle());
  }

  async connectIfAway(name: string): Promise<void> {
    await (this.isConnected(name) ? this.settle() : this.connect(name));
  }

  async fail(name: string): Promise<void> {
    await this.finish(name, CommandResult_Status.FAILED);
  }

  async endCancelled(name: string): Promise<void> {
    await this.finish(name, CommandResult_Status.CANCELLED);
  }

  /** Asks for a job, as an operator would. */
  async start(asked: Asked = {}): Promise<JobView> {
    const { job } = await this.ask(asked);
    await this.settle();
    return job;
  }

  /** Asks for a job, and returns the answer at once. */
  async ask(asked: Asked = {}): Promise<StartedJob> {
    return await this.jobs.start(this.request(asked));
  }

  /** Request for a job, with all that is not given. */
  request(asked: Asked = {}): JobRequest {
    const { targets = "all", limits, ...request } = asked;
    return {
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
    };
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
    { output = false, from = [] }: {
      output?: boolean;
      from?: { id: bigint; stdoutOffset: bigint; stderrOffset: bigint }[];
    } = {},
  ): { readonly news: string[]; readonly done: Promise<void>; stop(): void } {
    const abort = new AbortController();
    const { signal } = abort;
    const news: string[] = [];
    const read = async () => {
      const stream = this.jobs.watch(id, { output, from, signal });
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
    } else {
      before.jobs.effects.stop();
      before.approvals.stop();
    }
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
      manager.jobs.effects.stop();
      manager.approvals.stop();
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
