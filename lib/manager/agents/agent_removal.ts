import { type Asker, NOBODY, operatorText } from "../../base/asker.ts";
import { type Clock, sleep } from "../../base/clock.ts";
import { codeOf, PiriError } from "../../base/errors.ts";
import type { CommandPatch } from "../../store/records.ts";
import type { Store } from "../../store/store.ts";
import { auditEntry } from "../audit/audit_entry.ts";
import type { Commands } from "../commands.ts";
import type { JobEffects } from "../jobs/job_effects.ts";
import type { ManagerParts } from "../manager_parts.ts";
import type {
  AgentAdmin,
  CommandView,
  RemovedAgent,
} from "../api/operator_api.ts";

/** Longest wait for the ends of cancelled commands, in milliseconds. */
const END_MS = 30_000;

/** Time between two looks at whether they have ended, in milliseconds. */
const LOOK_MS = 100;

/** Most ids that an error names. */
const MAX_NAMED = 10;

export interface AgentRemovalOptions extends ManagerParts {
  readonly commands: Commands;
  readonly jobs: Pick<JobEffects, "removal" | "moved">;
}

/** Removal and revocation of agents: what becomes of their commands, and what the agent is told. */
export class AgentRemoval {
  readonly #options: AgentRemovalOptions;
  readonly #store: Store;
  readonly #clock: Clock;

  constructor(options: AgentRemovalOptions) {
    this.#options = options;
    this.#store = options.store;
    this.#clock = options.clock;
  }

  /**
   * Removes an agent and tells it. Nothing new is started on it meanwhile.
   *
   * @throws {PiriError} NOT_FOUND; REFUSED while commands are open, unless `force` is set
   */
  async remove(
    id: string,
    { force = false, asker = NOBODY }: Parameters<AgentAdmin["remove"]>[1] = {},
  ): Promise<RemovedAgent> {
    const { fleet } = this.#options;
    using _closed = this.#options.commands.closeTo(id);
    if (await this.#store.agent(id) === undefined) throw notFound(id);
    const ids = force
      ? await this.#endCommands(id, asker)
      : this.#requireIdle(id);
    const lost = await this.#record(id, { act: "RemoveAgent", force, asker });
    const session = fleet.session(id);
    session?.removed();
    lost.recorded();
    fleet.known--;
    const commands = await this.#finish(id, lost.patches, {
      what: "removed",
      asker,
      asked: ids,
    });
    return { commands, told: session !== undefined };
  }

  /**
   * Revokes an agent: its connection ends at once, its open commands are lost, and neither its key nor its name lets
   * anyone in. Its entry stays.
   *
   * @throws {PiriError} NOT_FOUND; FAILED_PRECONDITION if it is revoked
   */
  async revoke(id: string, asker: Asker = NOBODY): Promise<RemovedAgent> {
    const { fleet } = this.#options;
    using _closed = this.#options.commands.closeTo(id);
    const agent = await this.#store.agent(id);
    if (agent === undefined) throw notFound(id, "revoke");
    const session = fleet.session(id);
    // It ends before the write: while that waits, the agent carries out nothing more.
    if (agent.revokedAt === null) this.#cutOff(id);
    const lost = await this.#record(id, { act: "RevokeAgent", asker });
    lost.recorded();
    // A hello that was being admitted meanwhile.
    this.#cutOff(id);
    const commands = await this.#finish(id, lost.patches, {
      what: "revoked",
      asker,
    });
    return { commands, told: session !== undefined };
  }

  /** Ends what is late, and tells that an agent has gone. Returns its commands, as they are now. */
  async #finish(
    id: string,
    lost: readonly CommandPatch[],
    { what, asker, asked = [] }: {
      readonly what: "removed" | "revoked";
      readonly asker: Asker;
      /** Commands that were asked to end. */
      readonly asked?: readonly bigint[];
    },
  ): Promise<CommandView[]> {
    const late = await this.#loseLate(id);
    this.#options.events.add(
      `agent_${what}`,
      `agent "${id}" was ${what} by ${operatorText(asker)}${
        lost.length === 0
          ? ""
          : `; ${lost.length} of its commands had not ended`
      }`,
      { agent: id },
    );
    return await this.#views([
      ...asked,
      ...lost.map((patch) => patch.id),
      ...late,
    ]);
  }

  /** Ends the connection of an agent, and takes it out of the fleet at once, whatever the agent does. */
  #cutOff(id: string): void {
    const { fleet } = this.#options;
    const session = fleet.session(id);
    if (session === undefined) return;
    session.revoked();
    fleet.leave(session);
  }

  /** @throws {PiriError} REFUSED if commands are open or about to be */
  #requireIdle(agent: string): bigint[] {
    const { commands } = this.#options;
    const open = commands.of(agent).map(({ id }) => id);
    if (open.length > 0) throw hasOpen(agent, open);
    if (commands.isBusy(agent)) {
      throw new PiriError(
        "REFUSED",
        `Cannot remove agent "${agent}": a command for it is being recorded`,
      );
    }
    return open;
  }

  /** Cancels all commands, and waits for their ends if the agent is connected. Returns their ids. */
  async #endCommands(agent: string, asker: Asker): Promise<bigint[]> {
    const { commands, fleet } = this.#options;
    const isConnected = fleet.session(agent) !== undefined;
    const until = this.#clock.monotonic() + END_MS;
    const asked = new Set<bigint>();
    for (;;) {
      // A command that was being recorded when the removal began comes late.
      const fresh = commands.of(agent).filter(({ id }) => !asked.has(id));
      for (const { id } of fresh) {
        asked.add(id);
        await this.#cancel(id, asker);
      }
      const isWaiting = isConnected
        ? commands.isBusy(agent)
        : commands.isStarting(agent);
      if (!isWaiting || this.#clock.monotonic() >= until) return [...asked];
      await sleep(this.#clock, LOOK_MS);
    }
  }

  async #cancel(id: bigint, asker: Asker): Promise<void> {
    const { commands } = this.#options;
    try {
      await commands.cancel(id, asker);
    } catch (error) {
      // It has just ended by itself.
      if (codeOf(error) !== "FAILED_PRECONDITION") throw error;
    }
  }

  /** Records that an agent goes. What is still open is lost. */
  async #record(
    id: string,
    { act, asker, ...statement }: {
      readonly act: "RemoveAgent" | "RevokeAgent";
      readonly force?: boolean;
      readonly asker: Asker;
    },
  ) {
    const { commands, jobs } = this.#options;
    const change = commands.effects.agentRemoved(id);
    const at = this.#clock.now();
    try {
      const { patches } = change;
      const entries = jobs.removal(id, at);
      const removal = { at, patches, entries };
      const audit = auditEntry(
        { act, on: [id], statement: { ...statement, id } },
        asker,
        this.#clock,
      );
      jobs.moved(
        act === "RemoveAgent"
          ? await this.#store.removeAgent(id, removal, audit)
          : await this.#store.revokeAgent(id, removal, audit),
      );
    } catch (error) {
      change.takeBack();
      throw error;
    }
    return change;
  }

  /** Ends the commands that the store was making for longer than the removal waited. Returns their ids. */
  async #loseLate(agent: string): Promise<bigint[]> {
    const change = this.#options.commands.effects.agentRemoved(agent);
    try {
      await Promise.all(
        change.patches.map((patch) => this.#store.patchCommand(patch)),
      );
      change.recorded();
    } catch (error) {
      change.takeBack();
      throw error;
    }
    return change.patches.map(({ id }) => id);
  }

  #views(ids: readonly bigint[]): Promise<CommandView[]> {
    const { commands } = this.#options;
    return Promise.all([...new Set(ids)].map((id) => commands.get(id)));
  }
}

function hasOpen(agent: string, ids: readonly bigint[]): PiriError {
  const named = ids.slice(0, MAX_NAMED).join(" ");
  const more = ids.length > MAX_NAMED
    ? ` and ${ids.length - MAX_NAMED} more`
    : "";
  return new PiriError(
    "REFUSED",
    ids.length === 1
      ? `Cannot remove agent "${agent}": command ${named} on it has not ended; wait for it or cancel it, or force the removal, which cancels it first`
      : `Cannot remove agent "${agent}": commands ${named}${more} on it have not ended; wait for them or cancel them, or force the removal, which cancels them first`,
  );
}

function notFound(id: string, attempt = "remove"): PiriError {
  return new PiriError(
    "NOT_FOUND",
    `Cannot ${attempt} agent "${id}": there is no agent of that name`,
  );
}
