import type {
  CommandOutput,
  CommandProgress,
  CommandResult,
} from "../../proto/gen/piri/agent/v1/agent_messages.ts";
import type { Clock } from "../base/clock.ts";
import type { Counters } from "../base/counters.ts";
import { PiriError } from "../base/errors.ts";
import type { Random } from "../base/random.ts";
import type {
  CommandFilter,
  CommandPatch,
  CommandRecord,
} from "../store/records.ts";
import type { Store } from "../store/store.ts";
import { ConnectionEffects } from "./command/connection_effects.ts";
import {
  CommandStarter,
  type StartedCommands,
} from "./command/command_starter.ts";
import { CANCEL_GRACE_MS, Dispatcher } from "./command/dispatcher.ts";
import { endsInGap } from "./command/output_gap.ts";
import type { Events } from "./events.ts";
import type { AgentSession, Fleet } from "./fleet.ts";
import type {
  CommandAdmin,
  CommandView,
  RunRequest,
  TimelineEntry,
  WatchEvent,
} from "./operator_api.ts";
import { OpenChange } from "./command/open_change.ts";
import { OPEN_STATES, OpenCommand } from "./command/open_command.ts";
import { OpenCommands } from "./command/open_commands.ts";
import { lost } from "./command/reconcile.ts";
import { Recorder } from "./command/recorder.ts";
import {
  hasEndedForGood,
  LINK_EVENTS,
  TIMELINE_EVENTS,
  timelineOf,
} from "./watching/timeline.ts";
import { DisputedResults } from "./command/disputed_results.ts";
import {
  checkWatchStart,
  watchCommands,
  type WatchStart,
} from "./watching/watch.ts";

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
  readonly #starter: CommandStarter;
  /** What connections mean for commands. */
  readonly links: ConnectionEffects;
  /** When this run of the Manager took up what there was, milliseconds since 1970. */
  #loadedAt: number | undefined;

  constructor(options: CommandsOptions) {
    this.#options = options;
    this.#store = options.store;
    this.#clock = options.clock;
    const unfinished = new DisputedResults();
    const parts = { ...options, open: this.#open, unfinished };
    this.#recorder = new Recorder(parts);
    this.#dispatcher = new Dispatcher(parts);
    const dispatcher = this.#dispatcher;
    this.#starter = new CommandStarter({ ...parts, dispatcher });
    this.links = new ConnectionEffects({
      ...parts,
      recorder: this.#recorder,
      dispatcher,
    });
  }

  /** Takes up what an earlier run of the Manager left open. Called once, before agents are admitted. */
  async load(): Promise<void> {
    const now = this.#clock.now();
    this.#loadedAt = now;
    for (const record of await this.#store.openCommands(Infinity)) {
      const command = new OpenCommand(record, this.#clock);
      command.inherited = true;
      command.full = await endsInGap(this.#store, record);
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
      this.#viewed(await this.#starter.start(request));
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
    const grace = Math.min(
      graceMs ?? CANCEL_GRACE_MS,
      record.cancelGraceMs ?? Infinity,
    );
    const patch: CommandPatch = {
      id,
      ...command.isCancelRecorded
        ? {}
        : firstAsked(record, { at: now, by: requestedBy }),
      cancelGraceMs: grace,
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
    command.isCancelRecorded = true;
    if (!isOpen) {
      command.feed.finish();
    } else if (command.isOpen) {
      // An earlier one that could not be recorded may have taken this back in memory; a later one may be shorter.
      const { cancelGraceMs } = command.record;
      command.apply({
        ...patch,
        cancelGraceMs: Math.min(grace, cancelGraceMs ?? Infinity),
      });
      this.#dispatcher.cancel(command);
    }
    command.feed.touch();
    const session = this.#options.fleet.session(command.agent);
    if (
      command.isOpen && session !== undefined && !session.dialect.answersCancel
    ) {
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
    const started = await this.#starter.start({
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
    return this.#viewed(started);
  }

  #viewed(
    { job, commands }: StartedCommands,
  ): { job: string; commands: CommandView[] } {
    return { job, commands: commands.map((record) => this.#view(record)) };
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
}

/** Who asks again may shorten the grace, and is not the one who has ended it. */
function firstAsked(
  { cancelRequestedAt, cancelRequestedBy }: CommandRecord,
  { at, by }: { at: number; by: string },
): Pick<CommandRecord, "cancelRequestedAt" | "cancelRequestedBy"> {
  return cancelRequestedAt === null
    ? { cancelRequestedAt: at, cancelRequestedBy: by }
    : { cancelRequestedAt, cancelRequestedBy };
}
