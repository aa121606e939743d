import {
  type ClientHello,
  type CommandState,
  CommandState_State,
  createResumeFrom,
  type ResumeFrom,
} from "../../../proto/gen/piri/agent/v1/agent_messages.ts";
import type { Clock } from "../../base/clock.ts";
import type { CommandRecord } from "../../store/records.ts";
import type { Store } from "../../store/store.ts";
import type { Dispatcher } from "./dispatcher.ts";
import type { AgentSession } from "../fleet.ts";
import type { LifeEvent, LifeEvents } from "./life_events.ts";
import { changeBy } from "./lifecycle.ts";
import { OpenChange } from "./open_change.ts";
import type { OpenCommand } from "./open_command.ts";
import type { OpenCommands } from "./open_commands.ts";
import { reconcile, type Reconciliation } from "./reconcile.ts";
import type { Recorder } from "./recorder.ts";
import type { Listed } from "./command_trace.ts";
import type { DisputedResults } from "./disputed_results.ts";
import { ListedCommands } from "./listed_commands.ts";

const LISTED_STATES: ReadonlyMap<CommandState_State, Listed["state"]> = new Map(
  [
    [CommandState_State.ACCEPTED, "accepted"],
    [CommandState_State.FINISHED, "finished"],
  ],
);

export interface ConnectionEffectsOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly open: OpenCommands;
  readonly unfinished: DisputedResults;
  readonly recorder: Recorder;
  readonly dispatcher: Dispatcher;
}

/** Effects on the commands of an agent when it says hello, becomes ready, disconnects or is removed. */
export class ConnectionEffects {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #open: OpenCommands;
  readonly #unfinished: DisputedResults;
  readonly #recorder: Recorder;
  readonly #dispatcher: Dispatcher;

  constructor(options: ConnectionEffectsOptions) {
    this.#store = options.store;
    this.#clock = options.clock;
    this.#open = options.open;
    this.#unfinished = options.unfinished;
    this.#recorder = options.recorder;
    this.#dispatcher = options.dispatcher;
  }

  /** Commands that a hello lists, to be read as far as they are not open here. */
  listed(agent: string, hello: ClientHello): ListedCommands {
    return new ListedCommands(agent, hello, {
      store: this.#store,
      open: this.#open,
    });
  }

  /**
   * Compares a hello with the agent's commands. The outcome holds in memory at once. The caller records the patches
   * together with the admission, and then calls `recorded` or `takeBack`.
   */
  reconcile(
    agent: string,
    hello: ClientHello,
    { ended, resumes }: { ended: readonly CommandRecord[]; resumes: boolean },
  ): Reconciliation & Pick<OpenChange, "recorded" | "takeBack"> {
    const outcome = reconcile(
      {
        instance: hello.instance,
        lastCommandId: hello.lastCommandId,
        listed: resumes ? hello.commands : [],
        resumes,
        at: this.#clock.now(),
      },
      this.#open.of(agent),
      ended.filter(({ id }) => this.#open.get(id) === undefined),
    );
    const { unfinished: resumed } = outcome;
    this.#unfinished.note(agent, resumed);
    for (const entry of hello.commands) {
      if (resumed.has(entry.commandId)) this.#noteHello(entry, hello.session);
    }
    for (const record of ended) {
      if (resumed.has(record.id)) this.#recorder.reopen(record);
    }
    const change = new OpenChange(this.#open, outcome.patches);
    return {
      ...outcome,
      recorded: () => {
        change.recorded();
        for (const { id, cancelRequestedAt } of change.patches) {
          if (typeof cancelRequestedAt !== "number") continue;
          this.#open.get(id)?.noteCancelRecorded();
        }
      },
      takeBack: () => change.takeBack(),
    };
  }

  /** Notes that the result of a command was acknowledged. */
  noteAcknowledged(id: bigint): void {
    this.#open.traceToKeep(id).resultAcknowledgedAt = this.#clock.now();
  }

  /** Offsets from which the output of resumed commands goes on. */
  resumeFrom(ids: readonly bigint[]): ResumeFrom[] {
    return ids.flatMap((id) => {
      const command = this.#open.get(id);
      if (command === undefined) return [];
      // Bytes that are received and not durable yet are asked for again; they will be dropped as a repetition.
      const { stdout, stderr } = command.ledger.held;
      return [createResumeFrom({ commandId: id, stdout, stderr })];
    });
  }

  /** Commands of a hello that are accepted and must not begin: their cancel is recorded. */
  unwanted({ commands }: ClientHello): bigint[] {
    return commands.flatMap(({ commandId, nonce, state }) => {
      const command = this.#open.get(commandId);
      return command?.made.nonce === nonce && command.cancelIsRecorded &&
          state === CommandState_State.ACCEPTED
        ? [commandId]
        : [];
    });
  }

  /** Sends a ready agent the commands that wait for it, and all recorded cancels again. */
  agentReady(session: AgentSession): void {
    for (const command of this.#open.of(session.agent)) {
      if (command.stage === "queued") {
        this.#dispatcher.dispatch(command, session);
      } else if (command.cancelIsRecorded) {
        this.#dispatcher.cancel(command);
      }
      command.touch();
    }
  }

  /** Change of commands when the current connection of their agent ends. The caller records it. */
  connectionEnded(session: AgentSession, violation?: string): OpenChange {
    const why = violation === undefined ? "" : `: ${violation}`;
    const commands = session.features.has("resume")
      ? []
      : this.#open.of(session.agent);
    return this.#change(commands, "disconnected", {
      why,
      at: this.#clock.now(),
    });
  }

  /** Change of commands when their agent is removed: all open ones are lost. The caller records it. */
  agentRemoved(agent: string): OpenChange {
    this.#unfinished.forget(agent);
    const commands = this.#open.of(agent);
    return this.#change(commands, "removed", { at: this.#clock.now() });
  }

  #change<Event extends LifeEvent>(
    commands: readonly OpenCommand[],
    event: Event,
    facts: LifeEvents[Event],
  ): OpenChange {
    const patches = commands.flatMap((command) =>
      changeBy(command, event, facts) ?? []
    );
    return new OpenChange(this.#open, patches);
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
}
