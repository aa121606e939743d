import type {
  CommandOutput,
  CommandProgress,
  CommandResult,
} from "../../proto/gen/piri/agent/v1/agent_messages.ts";
import { type Asker, NOBODY, operatorText } from "../base/asker.ts";
import type { Clock } from "../base/clock.ts";
import { isOpenState } from "../base/command_state.ts";
import { PiriError } from "../base/errors.ts";
import type {
  AgentRecord,
  CommandFilter,
  CommandRecord,
} from "../store/records.ts";
import type { Store } from "../store/store.ts";
import type { ManagerParts } from "./manager_parts.ts";
import type { Sight } from "./api/operator_api.ts";
import { ConnectionEffects } from "./command/connection_effects.ts";
import {
  CommandStarter,
  type StartedCommands,
} from "./command/command_starter.ts";
import { Dispatcher } from "./command/dispatcher.ts";
import { dropOutput } from "./command/drop_output.ts";
import {
  type CancelRequest,
  EndRequests,
  notFound,
} from "./command/end_requests.ts";
import type { Blobs } from "./blobs/blobs.ts";
import { EntryStarter } from "./command/entry_starter.ts";
import { Fitness } from "./command/fitness.ts";
import type { AgentSession, Fleet } from "./fleet.ts";
import type {
  CancelledView,
  CommandAdmin,
  CommandView,
  RunRequest,
  WatchEvent,
} from "./api/operator_api.ts";
import { OpenCommand } from "./command/open_command.ts";
import { type CommandNews, OpenCommands } from "./command/open_commands.ts";
import { Recorder } from "./command/recorder.ts";
import { seenCommands } from "./command/seen_commands.ts";
import { timelineOf } from "./watching/timeline.ts";
import { timelineRecords } from "./watching/timeline_records.ts";
import type { SecretDesk } from "./secrets/secret_desk.ts";
import type { StorageHealth } from "./storage_health.ts";
import { DisputedResults } from "./command/disputed_results.ts";
import {
  checkWatchStart,
  watchCommands,
  type WatchSource,
  type WatchStart,
} from "./watching/watch.ts";

export interface CommandsOptions extends Omit<ManagerParts, "fleet"> {
  readonly fleet: Fleet;
  readonly storage: Pick<StorageHealth, "failure" | "listen">;
  /** Limit of the output kept of one command in bytes: a quarter for the beginning and the end of each stream. */
  readonly keepBytes: () => bigint;
  /** Checks the parameters of an operation that is known here. Throws INVALID_ARGUMENT. */
  readonly checkParams: (operation: string, params: string) => void;
  /** Large inputs and secrets of commands; none if absent. */
  readonly blobs?: Pick<Blobs, "namesOf" | "need">;
  readonly secrets?: Pick<SecretDesk, "namesOf" | "check">;
}

/** Front of all commands: requests of operators go down through it, reports of agents come up through it. */
export class Commands implements CommandAdmin {
  readonly #options: CommandsOptions;
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #open: OpenCommands;
  readonly #recorder: Recorder;
  readonly #dispatcher: Dispatcher;
  readonly #starter: CommandStarter;
  readonly #ends: EndRequests;
  /** Knows which agents can carry out a request now. */
  readonly fitness: Fitness;
  /** Makes the commands of jobs. */
  readonly entries: EntryStarter;
  /** Effects of connections on commands. */
  readonly effects: ConnectionEffects;
  /** Time at which this run of the Manager loaded the open commands, in milliseconds since 1970. */
  #loadedAt: number | undefined;

  constructor(options: CommandsOptions) {
    this.#options = options;
    this.#store = options.store;
    this.#clock = options.clock;
    const open = this.#open = new OpenCommands();
    open.tellTo({ ended: (record) => options.events.commandEnded(record) });
    const fitness = this.fitness = new Fitness({ ...options, open });
    const unfinished = new DisputedResults();
    const parts = { ...options, open, unfinished, fitness };
    const recorder = this.#recorder = new Recorder(parts);
    const dispatcher = this.#dispatcher = new Dispatcher(parts);
    this.#starter = new CommandStarter({ ...parts, dispatcher });
    this.entries = new EntryStarter({ ...parts, dispatcher });
    this.#ends = new EndRequests({ ...parts, dispatcher });
    this.effects = new ConnectionEffects({ ...parts, recorder, dispatcher });
  }

  /**
   * Loads the commands that an earlier run of the Manager left open. Called once, before agents are admitted.
   *
   * @param agents Records of all agents.
   */
  async load(agents: readonly AgentRecord[]): Promise<void> {
    const now = this.#loadedAt = this.#clock.now();
    for (const record of await this.#store.openCommands(Infinity)) {
      this.#open.add(new OpenCommand(record, this.#clock, { isFound: true }));
      this.noteLeft(record.agent, now);
    }
    for (const { id, connectedAt, disconnectedAt } of agents) {
      // The end of its last connection may not have been recorded: then it is only known that it is not connected now.
      if (disconnectedAt === null || disconnectedAt < (connectedAt ?? 0)) {
        continue;
      }
      this.noteLeft(id, disconnectedAt);
    }
  }

  get openCount(): number {
    return this.#open.size;
  }

  /** Number of open commands of an agent. */
  countOf(agent: string): number {
    return this.#open.countOf(agent);
  }

  /** True if an agent has open commands, or if some are being recorded. */
  isBusy(agent: string): boolean {
    return this.countOf(agent) > 0 || this.isStarting(agent);
  }

  /** True if commands of an agent are being recorded for the first time. */
  isStarting(agent: string): boolean {
    return this.fitness.isStarting(agent);
  }

  /** Starts nothing on an agent that is being removed, until the result is disposed. */
  closeTo(agent: string): Disposable {
    return this.fitness.closeTo(agent);
  }

  /** All open commands. */
  all(): Iterable<OpenCommand> {
    return this.#open.all();
  }

  /** Bytes of output from a connection, and messages to it, that wait for the disk. */
  waiting(session: AgentSession): { bytes: number; messages: number } {
    return {
      bytes: this.#recorder.unwritten(session),
      messages: this.#dispatcher.unrecorded(session),
    };
  }

  async run(request: RunRequest): Promise<Answer> {
    return await this.#answered(request.requestId) ??
      this.#viewed(await this.#starter.start(request));
  }

  async runForIds(request: RunRequest): ReturnType<CommandAdmin["runForIds"]> {
    const { job, commands } = await this.#answered(request.requestId) ??
      await this.#starter.start(request);
    return { job, ids: commands.map(({ id }) => id) };
  }

  async rerun(
    id: bigint,
    request: Parameters<CommandAdmin["rerun"]>[1],
  ): Promise<CommandView> {
    const { commands: [again] } = await this.#answered(request.requestId) ??
      await this.#repeat(await this.#find(id, request.rights?.sight), request);
    if (again === undefined) {
      throw new PiriError(
        "NOT_FOUND",
        `Cannot find what repeats command ${id}: it was deleted since`,
      );
    }
    return again;
  }

  async giveUp(id: bigint, asker: Partial<Asker> = {}): Promise<CommandView> {
    await this.#ends.giveUp(id, { ...NOBODY, ...asker });
    return this.#find(id);
  }

  async *watch(
    from: readonly WatchStart[],
    signal: AbortSignal,
    sight?: Sight,
  ): AsyncIterable<WatchEvent> {
    from.forEach(checkWatchStart);
    for (const { id } of sight ? from : []) await this.#find(id, sight);
    yield* watchCommands(this.watchSource, from, signal);
  }

  /** Access of watches to commands. */
  get watchSource(): WatchSource {
    return {
      store: this.#store,
      open: (id) => this.#open.get(id),
      view: (id) => this.#find(id),
      storage: this.#options.storage,
    };
  }

  /** Record of a command that has not ended, ahead of the database. */
  openRecord(id: bigint): CommandRecord | undefined {
    return this.#open.get(id)?.record;
  }

  async cancel(
    ...[id, request]: Parameters<CommandAdmin["cancel"]>
  ): Promise<CancelledView> {
    const asked = { ...NOBODY, ...request, isPart: false };
    const unconfirmed = await this.#ends.cancel(id, asked);
    return { ...await this.#find(id), unconfirmed };
  }

  /** Cancels a command as a part of the end of its job, which is in the audit. */
  async cancelOfJob(id: bigint, request: CancelRequest): Promise<void> {
    await this.#ends.cancel(id, { ...request, isPart: true });
  }

  async dropOutput(id: bigint, asker: Partial<Asker> = {}): Promise<void> {
    await dropOutput(await this.#find(id), {
      ...this.#options,
      asker: { ...NOBODY, ...asker },
    });
  }

  async get(id: bigint, sight?: Sight): Promise<CommandView> {
    const command = await this.#find(id, sight);
    const isHashed = command.stdoutSha256 !== null &&
      command.stderrSha256 !== null;
    if (isHashed || isOpenState(command.state)) return command;
    // Without them the command is still told: it may go on, and a full disk takes nothing.
    const hashes = await this.#store.hashKept(id).catch(() => ({}));
    return { ...command, ...hashes };
  }

  async #find(id: bigint, sight?: Sight): Promise<CommandView> {
    const record = this.#open.get(id)?.record ?? await this.#store.command(id);
    const isSeen = sight === undefined || sight.has(record?.agent ?? "");
    if (record === undefined || !isSeen) throw notFound(id);
    return this.#view(record);
  }

  async list(filter: CommandFilter, sight?: Sight): Promise<CommandView[]> {
    const records = await seenCommands(this.#store, filter, sight);
    return records.map((record) =>
      this.#view(this.#open.get(record.id)?.record ?? record)
    );
  }

  async timeline(id: bigint, sight?: Sight): Promise<Timeline> {
    const command = await this.#find(id, sight);
    const at = this.#clock.now();
    const entries = timelineOf({
      ...await timelineRecords(this.#store, command, at),
      command,
      trace: this.#open.trace(id),
      received: this.#open.get(id)?.ledger.received,
      session: this.#options.fleet.session(command.agent),
      startedAt: this.#loadedAt,
    });
    return { command, at, entries };
  }

  /** Tells ends and new states of commands from now on, once they are on the disk. */
  tellTo(listener: CommandNews): void {
    this.#open.tellTo(listener);
  }

  /** Refuses new commands from now on: the Manager stops. */
  stop(): void {
    this.#starter.stop();
  }

  recordProgress(
    session: AgentSession,
    progress: CommandProgress,
  ): void | Promise<void> {
    return this.#recorder.progress(session, progress);
  }

  recordOutput(
    session: AgentSession,
    output: CommandOutput,
  ): void | Promise<void> {
    return this.#recorder.output(session, output);
  }

  recordResult(
    session: AgentSession,
    result: CommandResult,
  ): void | Promise<void> {
    return this.#recorder.result(session, result);
  }

  /** Open commands of an agent. */
  of(agent: string): OpenCommand[] {
    return this.#open.of(agent);
  }

  /** Commands of a request that was asked before; undefined for a new one. */
  async #answered(requestId: string): Promise<Answer | undefined> {
    const earlier = await this.#store.findRequest(requestId);
    return earlier && {
      job: earlier.job,
      commands: await Promise.all(
        earlier.commands.map(({ id }) => this.get(id)),
      ),
    };
  }

  async #repeat(
    { id, state, agent, ...command }: CommandView,
    request: Parameters<CommandAdmin["rerun"]>[1],
  ): Promise<Answer> {
    if (isOpenState(state)) {
      throw new PiriError(
        "FAILED_PRECONDITION",
        `Cannot run command ${id} again: it has not ended, it is ${state}`,
      );
    }
    const started = await this.#starter.start({
      agents: [agent],
      operation: command.operation,
      params: command.params,
      timeoutMs: command.timeoutMs ?? undefined,
      onDisconnect: command.onDisconnect,
      killAfterMs: command.killAfterMs ?? undefined,
      survive: command.survive,
      ...request,
    }, { id, act: "Rerun" });
    const by = operatorText(request);
    for (const again of started.commands) {
      this.#options.events.add(
        "command_rerun",
        `command ${id} on "${agent}" is repeated as command ${again.id} by ${by}`,
        { agent, commandId: id },
      );
    }
    return this.#viewed(started);
  }

  #viewed({ job, commands }: StartedCommands): Answer {
    return { job, commands: commands.map((record) => this.#view(record)) };
  }

  #view(record: CommandRecord): CommandView {
    const isOpen = this.#open.get(record.id) !== undefined;
    return {
      ...record,
      unreachableSince: isOpen
        ? this.unreachableSince(record.agent, record.createdAt)
        : null,
    };
  }

  /**
   * Time since which an agent is not connected, at the earliest a given time; null while it is, and if neither is known.
   */
  unreachableSince(agent: string, from?: number): number | null {
    if (this.#options.fleet.session(agent) !== undefined) return null;
    const leftAt = this.#leftAt.get(agent) ?? from;
    return leftAt === undefined ? null : Math.max(leftAt, from ?? leftAt);
  }

  /** End of each agent's last connection, for people. */
  readonly #leftAt = new Map<string, number>();

  /** Time since which an agent is not connected; undefined if this run of the Manager does not know. */
  leftAt(agent: string): number | undefined {
    return this.#leftAt.get(agent);
  }

  /** Notes the time since which an agent is not connected. */
  noteLeft(agent: string, at: number): void {
    this.#leftAt.set(agent, at);
  }
}

type Timeline = Awaited<ReturnType<CommandAdmin["timeline"]>>;
type Answer = Awaited<ReturnType<CommandAdmin["run"]>>;
