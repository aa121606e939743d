import { askerText, operatorText } from "../../base/asker.ts";
import type { BlobName } from "../../base/blob.ts";
import type { Clock } from "../../base/clock.ts";
import { PiriError } from "../../base/errors.ts";
import { Limits } from "../../base/limits.ts";
import { nonce, type Random } from "../../base/random.ts";
import type { CommandRecord, NewCommand } from "../../store/records.ts";
import type { Store } from "../../store/store.ts";
import type { Blobs } from "../blobs/blobs.ts";
import type { Dispatcher } from "./dispatcher.ts";
import type { Events } from "../events.ts";
import type { AgentSession, Fleet } from "../fleet.ts";
import { legacyCommand } from "./legacy_command.ts";
import type { RunRequest } from "../operator_api.ts";
import { birthOf } from "./lifecycle.ts";
import { OpenCommand } from "./open_command.ts";
import type { OpenCommands } from "./open_commands.ts";
import { type Misfit, Misfits } from "./misfits.ts";
import { findTargets } from "./targets.ts";

/** Bytes of a Command besides its parameters, at most. */
const COMMAND_BYTES = Limits.message - Limits.params;

const BEING_REMOVED: Misfit = {
  code: "REFUSED",
  one: "it is being removed",
  many: "they are being removed",
};

const NO_OPERATION: Misfit = {
  code: "NOT_FOUND",
  one: "it has no such operation",
  many: "they have no such operation",
};

const NO_BLOBS: Misfit = {
  code: "REFUSED",
  one:
    "its version of piri-agent cannot read large input from the Manager; install a newer one",
  many:
    "their versions of piri-agent cannot read large input from the Manager; install newer ones",
};

const TOO_MANY: Misfit = {
  code: "BUSY",
  one:
    `it has ${Limits.openCommands} commands that have not ended, which is the limit`,
  many:
    `they have ${Limits.openCommands} commands each that have not ended, which is the limit`,
};

export interface CommandStarterOptions {
  readonly store: Store;
  readonly fleet: Fleet;
  readonly events: Events;
  readonly clock: Clock;
  readonly random: Random;
  readonly open: OpenCommands;
  readonly dispatcher: Dispatcher;
  /** Checks the parameters of an operation that is known here. Throws INVALID_ARGUMENT. */
  readonly checkParams: (operation: string, params: string) => void;
  /** Large inputs of commands; none if absent. */
  readonly blobs?: Pick<Blobs, "need">;
}

/** Commands that one request started. */
export interface StartedCommands {
  readonly job: string;
  readonly commands: readonly CommandRecord[];
}

/** Makes the commands of a request: all or none, recorded before the first byte leaves. */
export class CommandStarter {
  readonly #options: CommandStarterOptions;
  /** Number of commands that the store is making, by agent: they count towards the limit before they have an id. */
  readonly #underWay = new Map<string, number>();

  /** Number of removals under way, by agent: nothing is started on it. */
  readonly #closed = new Map<string, number>();
  #isStopped = false;

  constructor(options: CommandStarterOptions) {
    this.#options = options;
  }

  /** Starts nothing from now on: a command of a Manager that stops would wait for an agent that has heard Bye. */
  stop(): void {
    this.#isStopped = true;
  }

  /** True if the store is making commands for an agent. */
  isStarting(agent: string): boolean {
    return this.#underWay.has(agent);
  }

  /** Starts nothing on an agent until the result is disposed. */
  closeTo(agent: string): Disposable {
    add(this.#closed, agent, 1);
    return { [Symbol.dispose]: () => add(this.#closed, agent, -1) };
  }

  /**
   * Starts the commands of a request, or returns those that the same request started before.
   *
   * @throws {PiriError} NOT_FOUND, INVALID_ARGUMENT, BUSY; UNAVAILABLE after `stop`; and as the store throws
   */
  async start(
    request: RunRequest,
    rerunOf: bigint | null = null,
  ): Promise<StartedCommands> {
    const { store, blobs: kept } = this.#options;
    const { operation, params } = request;
    const blobs = await kept?.need(operation, params) ?? [];
    const sessions = await findTargets(request, this.#options);
    if (this.#isStopped) {
      throw new PiriError(
        "UNAVAILABLE",
        `Cannot run "${request.operation}": the Manager is stopping`,
      );
    }
    this.#check(request, sessions, blobs);
    this.#count(sessions, 1);
    try {
      const { job, commands, repeated } = await store.createCommands(
        sessions.map((session) => ({
          ...this.#draft(request, session),
          rerunOf,
        })),
        { requestId: request.requestId, job: this.#newJob(), blobs },
      );
      if (!repeated) this.#begin(commands, sessions, request);
      return { job, commands };
    } finally {
      this.#count(sessions, -1);
    }
  }

  #count(sessions: readonly AgentSession[], by: number): void {
    for (const { agent } of sessions) add(this.#underWay, agent, by);
  }

  #check(
    request: RunRequest,
    sessions: readonly AgentSession[],
    blobs: readonly BlobName[],
  ): void {
    const misfits = new Misfits(`run "${request.operation}"`);
    for (const session of sessions) {
      const misfit = blobs.length > 0 && !session.features.has("blobs")
        ? NO_BLOBS
        : this.#misfitOf(request, session);
      if (misfit !== undefined) misfits.add(session.agent, misfit);
    }
    misfits.throwIfAny();
  }

  /** Reason for which a request does not fit an agent; undefined if there is none. */
  #misfitOf(
    request: RunRequest,
    { agent, operations, dialect }: AgentSession,
  ): Misfit | undefined {
    if (this.#closed.has(agent)) return BEING_REMOVED;
    if (operations?.has(request.operation) === false) return NO_OPERATION;
    // A legacy agent checks its own parameters.
    if (operations !== undefined) {
      this.#options.checkParams(request.operation, request.params);
    }
    const params = dialect.hasPositionalParams
      ? legacyCommand(request.operation, request.params).data
      : request.params;
    const size = new TextEncoder().encode(params).length;
    const asker = dialect.hasIdentities ? askerText(request) : "";
    const limit = dialect.maxParamsBytes - COMMAND_BYTES -
      new TextEncoder().encode(asker).length;
    if (size > limit) return tooLarge(size, limit);
    const count = this.#options.open.countOf(agent) +
      (this.#underWay.get(agent) ?? 0);
    return count >= Limits.openCommands ? TOO_MANY : undefined;
  }

  #draft(request: RunRequest, session: AgentSession): NewCommand {
    const now = this.#options.clock.now();
    return {
      agent: session.agent,
      operation: request.operation,
      params: request.params,
      nonce: nonce(this.#options.random),
      requestedBy: request.requestedBy,
      saidBy: request.saidBy ?? "",
      timeoutMs: request.timeoutMs ?? null,
      onDisconnect: request.onDisconnect,
      killAfterMs: request.killAfterMs ?? null,
      // `sent` must be on disk before the first byte leaves: it is recorded together with the command.
      ...birthOf(session.takesCommands ? session : undefined, now),
      createdAt: now,
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
      } by ${operatorText(request)}`,
      { commandId: records.length === 1 && first ? first.id : null },
    );
    this.#options.events.commandsRequested(records);
    const byAgent = new Map(sessions.map((each) => [each.agent, each]));
    for (const record of records) {
      const command = new OpenCommand(record, this.#options.clock);
      this.#options.open.add(command);
      const session = byAgent.get(record.agent);
      if (session === undefined) continue;
      if (record.state === "sent") {
        this.#options.dispatcher.send(command, session);
      } else if (session.takesCommands) {
        this.#options.dispatcher.dispatch(command, session);
      }
    }
  }

  #newJob(): string {
    return nonce(this.#options.random).toString(16).padStart(16, "0");
  }
}

function tooLarge(size: number, limit: number): Misfit {
  const text =
    `parameters take ${size} bytes, the limit is ${limit}; put a long text into files/all in the Manager's folder, and fetch it with file.Fetch`;
  return {
    code: "INVALID_ARGUMENT",
    one: `its ${text}`,
    many: `their ${text}`,
  };
}

/** Adds to a count. A name with the count 0 is not in the map. */
function add(counts: Map<string, number>, name: string, by: number): void {
  const count = (counts.get(name) ?? 0) + by;
  if (count > 0) counts.set(name, count);
  else counts.delete(name);
}
