import { operatorText } from "../../base/asker.ts";
import { PiriError } from "../../base/errors.ts";
import { nonce } from "../../base/random.ts";
import type { CommandRecord, NewCommand } from "../../store/records.ts";
import type { Blobs } from "../blobs/blobs.ts";
import type { Dispatcher } from "./dispatcher.ts";
import type { SecretDesk } from "../secrets/secret_desk.ts";
import type { AgentSession, Fleet } from "../fleet.ts";
import type { Fitness } from "./fitness.ts";
import type { ManagerParts } from "../manager_parts.ts";
import type { RunRequest } from "../api/operator_api.ts";
import type { NewAudit } from "../../store/audit_records.ts";
import { auditEntry, workStatement } from "../audit/audit_entry.ts";
import { birthOf } from "./lifecycle.ts";
import { OpenCommand } from "./open_command.ts";
import type { OpenCommands } from "./open_commands.ts";
import { Misfits } from "./misfits.ts";
import { findTargets } from "./targets.ts";

export interface CommandStarterOptions
  extends Pick<ManagerParts, "store" | "events" | "clock" | "random"> {
  readonly fleet: Fleet;
  readonly open: OpenCommands;
  readonly dispatcher: Dispatcher;
  readonly fitness: Fitness;
  /** Large inputs of commands; none if absent. */
  readonly blobs?: Pick<Blobs, "need">;
  /** Secrets of commands; none if absent. */
  readonly secrets?: Pick<SecretDesk, "check">;
}

/** Commands that one request started. */
export interface StartedCommands {
  readonly job: string;
  readonly commands: readonly CommandRecord[];
}

/** Makes the commands of a request: all or none, recorded before the first byte leaves. */
export class CommandStarter {
  readonly #options: CommandStarterOptions;
  #isStopped = false;

  constructor(options: CommandStarterOptions) {
    this.#options = options;
  }

  /** Starts nothing from now on: a command of a Manager that stops would wait for an agent that has heard Bye. */
  stop(): void {
    this.#isStopped = true;
  }

  /**
   * Starts the commands of a request, or returns those that the same request started before.
   *
   * @throws {PiriError} NOT_FOUND, INVALID_ARGUMENT, BUSY; UNAVAILABLE after `stop`; and as the store throws
   */
  async start(
    request: RunRequest,
    again?: { readonly id: bigint; readonly act: string },
  ): Promise<StartedCommands> {
    const { store, blobs: kept } = this.#options;
    const { operation, params } = request;
    this.#options.fitness.checkSurvival(request);
    const blobs = await kept?.need(operation, params) ?? [];
    const sessions = await findTargets(request, this.#options);
    if (this.#isStopped) {
      throw new PiriError(
        "UNAVAILABLE",
        `Cannot run "${request.operation}": the Manager is stopping`,
      );
    }
    const names = sessions.map(({ agent }) => agent);
    request.rights?.checkAlone(request, names);
    await this.#options.secrets?.check(request, names);
    this.#check(request, sessions);
    this.#options.fitness.count(sessions, 1);
    const draft = {
      now: this.#options.clock.now(),
      rerunOf: again?.id ?? null,
    };
    try {
      const { job, commands, repeated } = await store.createCommands(
        sessions.map((session) => this.#draft(request, session, draft)),
        { requestId: request.requestId, job: this.#newJob(), blobs },
        this.#audit(request, sessions, again),
      );
      if (!repeated) this.#begin(commands, sessions, request);
      return { job, commands };
    } finally {
      this.#options.fitness.count(sessions, -1);
    }
  }

  #audit(
    request: RunRequest,
    sessions: readonly AgentSession[],
    again: { readonly id: bigint; readonly act: string } | undefined,
  ): NewAudit {
    const names = sessions.map(({ agent }) => agent);
    return auditEntry(
      {
        act: again?.act ?? "Run",
        on: again === undefined ? request.agents : [String(again.id)],
        operation: request.operation,
        statement: workStatement(request, names),
      },
      request,
      this.#options.clock,
    );
  }

  #check(request: RunRequest, sessions: readonly AgentSession[]): void {
    const misfits = new Misfits(`run "${request.operation}"`);
    const fit = this.#options.fitness.of(request);
    for (const session of sessions) {
      const misfit = fit(session);
      if (misfit !== undefined) misfits.add(session.agent, misfit);
    }
    misfits.throwIfAny();
  }

  #draft(
    request: RunRequest,
    session: AgentSession,
    { now, rerunOf }: { readonly now: number; readonly rerunOf: bigint | null },
  ): NewCommand {
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
      survive: request.survive ?? false,
      // `sent` must be on disk before the first byte leaves: it is recorded together with the command.
      ...birthOf(session.takesCommands ? session : undefined, now),
      createdAt: now,
      rerunOf,
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
      const command = new OpenCommand(record, this.#options.clock, {
        rights: request.rights,
      });
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
