import {
  type ClientHello,
  type CommandOutput,
  type CommandProgress,
  type CommandResult,
  type CommandState,
  CommandState_State,
  createResumeFrom,
  type ResumeFrom,
} from "../../proto/gen/piri/agent/v1/agent_messages.ts";
import type { Clock } from "../base/clock.ts";
import type { Counters } from "../base/counters.ts";
import { PiriError } from "../base/errors.ts";
import { Limits } from "../base/limits.ts";
import { nonce, type Random } from "../base/random.ts";
import type {
  CommandFilter,
  CommandPatch,
  CommandRecord,
} from "../store/records.ts";
import type { Store } from "../store/store.ts";
import { CANCEL_GRACE_MS, Dispatcher } from "./dispatcher.ts";
import type { Events } from "./events.ts";
import type { AgentSession, Fleet } from "./fleet.ts";
import type {
  CommandAdmin,
  CommandView,
  RunRequest,
  TimelineEntry,
  WatchEvent,
} from "./manager.ts";
import { OpenChange } from "./open_change.ts";
import { OPEN_STATES, OpenCommand } from "./open_command.ts";
import { OpenCommands } from "./open_commands.ts";
import { isLegacy, legacyCommand } from "./legacy_command.ts";
import { lost, reconcile, type Reconciliation } from "./reconcile.ts";
import { Recorder } from "./recorder.ts";
import { findTargets } from "./targets.ts";
import {
  hasEndedForGood,
  LINK_EVENTS,
  TIMELINE_EVENTS,
  timelineOf,
} from "./timeline.ts";
import type { Listed } from "./trace.ts";
import { checkWatchStart, watchCommands, type WatchStart } from "./watch.ts";

const LISTED_STATES: ReadonlyMap<CommandState_State, Listed["state"]> = new Map(
  [
    [CommandState_State.ACCEPTED, "accepted"],
    [CommandState_State.FINISHED, "finished"],
  ],
);

/** What commands are made of. */
export interface CommandsOptions {
  readonly store: Store;
  readonly fleet: Fleet;
  readonly events: Events;
  readonly clock: Clock;
  readonly random: Random;
  readonly counters: Counters;
  /** Output kept of one command, both streams, bytes. */
  readonly keepBytes: bigint;
  /** Throws INVALID_ARGUMENT for parameters that an operation that is known here cannot take. */
  readonly checkParams: (operation: string, params: string) => void;
}

/** The life of every command: the one place where requests go down and reports come up. */
export class Commands implements CommandAdmin {
  readonly #options: CommandsOptions;
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #open = new OpenCommands();
  readonly #recorder: Recorder;
  readonly #dispatcher: Dispatcher;
  /** When this run of the Manager took up what there was, milliseconds since 1970. */
  #loadedAt: number | undefined;

  constructor(options: CommandsOptions) {
    this.#options = options;
    this.#store = options.store;
    this.#clock = options.clock;
    this.#recorder = new Recorder({ ...options, open: this.#open });
    this.#dispatcher = new Dispatcher({ ...options, open: this.#open });
  }

  /** Takes up what an earlier run of the Manager left open. Called once, before agents are admitted. */
  async load(): Promise<void> {
    const now = this.#clock.now();
    this.#loadedAt = now;
    for (const record of await this.#store.openCommands(Infinity)) {
      const command = new OpenCommand(record, this.#clock);
      command.inherited = true;
      this.#open.add(command);
      this.noteLeft(record.agent, now);
    }
    for (
      const { id, connectedAt, disconnectedAt } of await this.#store.agents()
    ) {
      // Where the end of its last connection was not recorded, it is only known that it is not connected now.
      if (disconnectedAt === null || disconnectedAt < (connectedAt ?? 0)) {
        continue;
      }
      if (this.#leftAt.has(id)) this.noteLeft(id, disconnectedAt);
    }
  }

  get openCount(): number {
    return this.#open.size;
  }

  /** How many commands of an agent have not ended. */
  countOf(agent: string): number {
    return this.#open.countOf(agent);
  }

  /** All commands that have not ended. */
  all(): Iterable<OpenCommand> {
    return this.#open.all();
  }

  /** What waits for the disk on behalf of a connection: bytes of output from it, and messages to it. */
  waiting(session: AgentSession): { bytes: number; messages: number } {
    return {
      bytes: this.#recorder.unwritten(session),
      messages: this.#dispatcher.unrecorded(session),
    };
  }

  // What operators ask.

  async run(
    request: RunRequest,
  ): Promise<{ job: string; commands: CommandView[] }> {
    return await this.#answered(request.requestId) ??
      await this.#start(request, null);
  }

  async rerun(
    id: bigint,
    { requestId, requestedBy }: { requestId: string; requestedBy: string },
  ): Promise<CommandView> {
    const { commands: [again] } = await this.#answered(requestId) ??
      await this.#repeat(await this.get(id), { requestId, requestedBy });
    if (again === undefined) {
      throw new PiriError(
        "NOT_FOUND",
        `Cannot find what repeats command ${id}: it was deleted since`,
      );
    }
    return again;
  }

  async giveUp(id: bigint, requestedBy: string): Promise<CommandView> {
    const command = this.#open.get(id);
    if (command === undefined) {
      const { state } = await this.get(id);
      throw new PiriError(
        "FAILED_PRECONDITION",
        `Cannot give up command ${id}: it has ended, it is ${state}`,
      );
    }
    const { record } = command;
    await this.#patch({
      id,
      ...lost("given up by the operator", this.#clock.now()),
    });
    this.#options.events.add(
      "command_given_up",
      `command ${id} on "${record.agent}" is given up by ${
        requestedBy || "an operator"
      }`,
      { agent: record.agent, commandId: id },
    );
    command.feed.finish();
    return this.get(id);
  }

  async *watch(
    from: readonly WatchStart[],
    signal: AbortSignal,
  ): AsyncIterable<WatchEvent> {
    from.forEach(checkWatchStart);
    const source = {
      store: this.#store,
      open: (id: bigint) => this.#open.get(id),
      view: (id: bigint) => this.get(id),
    };
    yield* watchCommands(source, from, signal);
  }

  async cancel(
    id: bigint,
    graceMs?: number,
    requestedBy = "",
  ): Promise<CommandView> {
    const command = this.#open.get(id);
    if (command === undefined) {
      const { state } = await this.get(id);
      throw new PiriError(
        "FAILED_PRECONDITION",
        `Cannot cancel command ${id}: it has ended, it is ${state}`,
      );
    }
    const now = this.#clock.now();
    const { record } = command;
    const earlier = record.cancelGraceMs ?? Infinity;
    const patch: CommandPatch = {
      id,
      // Who asks again may shorten the grace, and is not the one who has ended it.
      ...record.cancelRequestedAt === null
        ? { cancelRequestedAt: now, cancelRequestedBy: requestedBy }
        : {},
      cancelGraceMs: Math.min(graceMs ?? CANCEL_GRACE_MS, earlier),
      ...command.wasNeverSent
        ? {
          state: "cancelled" as const,
          reason: "cancelled before it was sent",
          finishedAt: now,
        }
        : {},
    };
    const isOpen = patch.state === undefined;
    await this.#patch(patch);
    if (!isOpen) command.feed.finish();
    else if (command.isOpen) this.#dispatcher.cancel(command);
    command.feed.touch();
    const session = this.#options.fleet.session(command.agent);
    if (command.isOpen && session !== undefined && isLegacy(session)) {
      // It is asked all the same: its message is of 2024, only that nobody answered it then.
      throw new PiriError(
        "UNSUPPORTED",
        `Cannot tell whether command ${id} will end: cancel is not supported by this agent, which is one of 2024`,
      );
    }
    return this.get(id);
  }

  async get(id: bigint): Promise<CommandView> {
    const record = this.#open.get(id)?.record ?? await this.#store.command(id);
    if (record === undefined) {
      throw new PiriError(
        "NOT_FOUND",
        `Cannot find command ${id}: there is none of that id`,
      );
    }
    return this.#view(record);
  }

  async list(filter: CommandFilter): Promise<CommandView[]> {
    const records = await this.#store.commands(filter);
    return records.map((record) =>
      this.#view(this.#open.get(record.id)?.record ?? record)
    );
  }

  async timeline(
    id: bigint,
  ): Promise<{ command: CommandView; at: number; entries: TimelineEntry[] }> {
    const command = await this.get(id);
    const at = this.#clock.now();
    const events = await this.#store.events({
      commandId: id,
      agent: command.agent,
      kinds: LINK_EVENTS,
      from: command.createdAt,
      to: hasEndedForGood(command) ? command.finishedAt ?? at : at,
      limit: TIMELINE_EVENTS,
    });
    const entries = timelineOf({
      command,
      events,
      trace: this.#open.trace(id),
      received: this.#open.get(id)?.received,
      session: this.#options.fleet.session(command.agent),
      startedAt: this.#loadedAt,
    });
    return { command, at, entries };
  }

  // What agents tell.

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

  // What connections mean.

  /** The records of commands that a hello lists and that are not open here. To be asked for before `reconcile`. */
  async listedButEnded(
    agent: string,
    hello: ClientHello,
  ): Promise<CommandRecord[]> {
    const records = await Promise.all(
      hello.commands
        .filter(({ commandId }) => this.#open.get(commandId) === undefined)
        .map(({ commandId }) => this.#store.command(commandId)),
    );
    return records.filter((record) => record?.agent === agent)
      .filter((record) => record !== undefined);
  }

  /**
   * What a hello means for the agent's commands. In memory it holds at once; the caller records the patches in one with
   * the admission, and then tells so.
   */
  reconcile(
    agent: string,
    hello: ClientHello,
    { ended, resumes }: { ended: readonly CommandRecord[]; resumes: boolean },
  ): Reconciliation & Pick<OpenChange, "recorded" | "takeBack"> {
    const inherited = this.#open.of(agent)
      .filter(({ inherited }) => inherited);
    const outcome = reconcile(
      {
        instance: hello.instance,
        lastCommandId: hello.lastCommandId,
        listed: resumes ? hello.commands : [],
        resumes,
        found: new Set(inherited.map(({ id }) => id)),
        at: this.#clock.now(),
      },
      this.#open.of(agent).map(({ record }) => record),
      ended.filter(({ id }) => this.#open.get(id) === undefined),
    );
    const resumed = new Set(outcome.resumed);
    for (const entry of hello.commands) {
      if (resumed.has(entry.commandId)) this.#noteHello(entry, hello.session);
    }
    const reopened = new Map(ended.map((record) => [record.id, record]));
    for (const id of outcome.resumed) {
      const record = reopened.get(id);
      if (record !== undefined) this.#recorder.reopen(record);
    }
    for (const command of inherited) command.inherited = false;
    const change = new OpenChange(this.#open, outcome.patches);
    return {
      ...outcome,
      recorded: () => {
        this.#tellLost(agent, change);
        change.recorded();
      },
      takeBack: () => {
        change.takeBack();
        for (const command of inherited) command.inherited = true;
      },
    };
  }

  #tellLost(agent: string, { patches }: OpenChange): void {
    for (const { id, state, reason } of patches) {
      if (state !== "lost") continue;
      this.#options.events.add(
        "command_lost",
        `command ${id} on "${agent}" is lost: ${reason}`,
        { agent, commandId: id },
      );
    }
  }

  /** The agent is told that the results of these are held here. */
  noteAcknowledged(id: bigint): void {
    this.#open.traceToKeep(id).resultAcknowledgedAt = this.#clock.now();
  }

  /** Where the output of resumed commands goes on. */
  resumeFrom(ids: readonly bigint[]): ResumeFrom[] {
    return ids.flatMap((id) => {
      const command = this.#open.get(id);
      if (command === undefined) return [];
      // What was received and is not durable yet is asked for again; it will be dropped as a repetition.
      const { stdout, stderr } = command.held;
      return [createResumeFrom({ commandId: id, stdout, stderr })];
    });
  }

  /** The agent is ready: it is sent what waits for it, and cancels again. */
  agentReady(session: AgentSession): void {
    for (const command of this.#open.of(session.agent)) {
      if (command.state === "queued") {
        this.#dispatcher.dispatch(command, session);
      } else if (command.record.cancelRequestedAt !== null) {
        this.#dispatcher.cancel(command);
      }
      command.feed.touch();
    }
  }

  /** The agent's current connection ended; what that means is for the store. */
  agentLeft(session: AgentSession): OpenChange {
    const commands = this.#open.of(session.agent);
    const patches = session.features.has("resume")
      ? []
      : commands.filter(({ state }) => state !== "queued").map(({ id }) => ({
        id,
        ...lost(
          "it may have run: the agent's connection ended",
          this.#clock.now(),
        ),
      }));
    return new OpenChange(this.#open, patches);
  }

  /** The agent is taken away: all that is open is lost. That is for the store. */
  agentRemoved(agent: string): OpenChange {
    const now = this.#clock.now();
    const patches = this.#open.of(agent).map((command): CommandPatch => ({
      id: command.id,
      ...lost(
        command.wasNeverSent
          ? "it was not sent: the agent was removed"
          : "it may have run: the agent was removed",
        now,
      ),
    }));
    return new OpenChange(this.#open, patches);
  }

  /** The agent's commands that are open now. */
  of(agent: string): OpenCommand[] {
    return this.#open.of(agent);
  }

  /** Changes an open command; what cannot be recorded is taken back. */
  async #patch(patch: CommandPatch): Promise<void> {
    const change = new OpenChange(this.#open, [patch]);
    try {
      await this.#store.patchCommand(patch);
    } catch (error) {
      change.takeBack();
      throw error;
    }
  }

  /** What a request has started that was asked before. */
  async #answered(
    requestId: string,
  ): Promise<{ job: string; commands: CommandView[] } | undefined> {
    const earlier = await this.#store.findRequest(requestId);
    return earlier && {
      job: earlier.job,
      commands: await Promise.all(
        earlier.commands.map(({ id }) => this.get(id)),
      ),
    };
  }

  async #start(
    request: RunRequest,
    rerunOf: bigint | null,
  ): Promise<{ job: string; commands: CommandView[] }> {
    const sessions = await findTargets(request, this.#options);
    this.#check(request, sessions);
    const { job, commands, repeated } = await this.#store.createCommands(
      sessions.map((session) => ({
        ...this.#draft(request, session),
        rerunOf,
      })),
      { requestId: request.requestId, job: this.#newJob() },
    );
    if (!repeated) this.#begin(commands, sessions, request);
    return { job, commands: commands.map((record) => this.#view(record)) };
  }

  async #repeat(
    { id, state, agent, ...command }: CommandView,
    request: { requestId: string; requestedBy: string },
  ): Promise<{ job: string; commands: CommandView[] }> {
    if (OPEN_STATES.has(state)) {
      throw new PiriError(
        "FAILED_PRECONDITION",
        `Cannot run command ${id} again: it has not ended, it is ${state}`,
      );
    }
    const started = await this.#start({
      agents: [agent],
      operation: command.operation,
      params: command.params,
      timeoutMs: command.timeoutMs ?? undefined,
      onDisconnect: command.onDisconnect,
      killAfterMs: command.killAfterMs ?? undefined,
      ...request,
    }, id);
    for (const again of started.commands) {
      this.#options.events.add(
        "command_rerun",
        `command ${id} on "${agent}" is repeated as command ${again.id} by ${
          request.requestedBy || "an operator"
        }`,
        { agent, commandId: id },
      );
    }
    return started;
  }

  #check(request: RunRequest, sessions: readonly AgentSession[]): void {
    for (const session of sessions) {
      const { agent, operations, features } = session;
      if (operations !== undefined && !operations.has(request.operation)) {
        throw new PiriError(
          "NOT_FOUND",
          `Cannot run "${request.operation}" on "${agent}": it has no such operation`,
        );
      }
      // What an agent of 2024 takes is its own affair.
      if (operations !== undefined) {
        this.#options.checkParams(request.operation, request.params);
      }
      const limit = features.size > 0
        ? Limits.message
        : Limits.handshakeFrame - 1_024;
      const params = isLegacy(session)
        ? legacyCommand(request.operation, request.params).data
        : request.params;
      const size = new TextEncoder().encode(params).length + 512;
      if (size > limit) {
        throw new PiriError(
          "INVALID_ARGUMENT",
          `Cannot run "${request.operation}" on "${agent}": its parameters take ${size} bytes, the limit is ${limit}`,
        );
      }
      if (this.#open.countOf(agent) >= Limits.openCommands) {
        throw new PiriError(
          "BUSY",
          `Cannot run "${request.operation}" on "${agent}": it has ${Limits.openCommands} commands that have not ended, which is the limit`,
        );
      }
    }
  }

  #draft(request: RunRequest, session: AgentSession) {
    const now = this.#clock.now();
    const at = session.takesCommands ? now : null;
    return {
      agent: session.agent,
      operation: request.operation,
      params: request.params,
      nonce: nonce(this.#options.random),
      requestedBy: request.requestedBy,
      timeoutMs: request.timeoutMs ?? null,
      onDisconnect: request.onDisconnect,
      killAfterMs: request.killAfterMs ?? null,
      // `sent` is recorded before the first byte leaves: here, in one with the command itself.
      state: at === null ? "queued" as const : "sent" as const,
      instance: at === null ? null : session.instance,
      session: at === null ? null : session.session,
      createdAt: now,
      sentAt: at,
    };
  }

  #begin(
    records: readonly CommandRecord[],
    sessions: readonly AgentSession[],
    request: RunRequest,
  ): void {
    const [first] = records;
    this.#options.events.add(
      "run",
      `"${request.operation}" on ${
        records.length === 1 ? `"${first?.agent}"` : `${records.length} agents`
      } by ${request.requestedBy || "an operator"}`,
      { commandId: records.length === 1 && first ? first.id : null },
    );
    const byAgent = new Map(sessions.map((each) => [each.agent, each]));
    for (const record of records) {
      const command = new OpenCommand(record, this.#clock);
      this.#open.add(command);
      const session = byAgent.get(record.agent);
      if (session === undefined) continue;
      if (record.state === "sent") {
        this.#dispatcher.send(command, session);
      } else if (session.takesCommands) {
        this.#dispatcher.dispatch(command, session);
      }
    }
  }

  #view(record: CommandRecord): CommandView {
    const open = this.#open.get(record.id) !== undefined;
    const session = this.#options.fleet.session(record.agent);
    return {
      ...record,
      unreachableSince: open && session === undefined
        ? Math.max(
          this.#leftAt.get(record.agent) ?? record.createdAt,
          record.createdAt,
        )
        : null,
    };
  }

  /** When each agent's last connection ended, for people. */
  readonly #leftAt = new Map<string, number>();

  /** Notes since when an agent is not connected. */
  noteLeft(agent: string, at: number): void {
    this.#leftAt.set(agent, at);
  }

  #noteHello(
    { commandId, state, stdout, stderr }: CommandState,
    session: bigint,
  ): void {
    this.#open.traceToKeep(commandId).noteHello({
      at: this.#clock.now(),
      session,
      state: LISTED_STATES.get(state) ?? "running",
      produced: { stdout, stderr },
    });
  }

  #newJob(): string {
    return nonce(this.#options.random).toString(16).padStart(16, "0");
  }
}
