import {
  type CommandResult,
  CommandResult_Status,
} from "../../../proto/gen/piri/agent/v1/agent_messages.ts";
import type { AgentSession } from "../fleet.ts";

/** Statuses of results that tell no end: the agent restarted, or the command had not begun. */
const STATUSES_WITHOUT_END: ReadonlySet<CommandResult_Status> = new Set([
  CommandResult_Status.LOST,
  CommandResult_Status.REFUSED,
]);

/** Commands that the newest hello of each agent listed and that go on, connected or not. */
export class DisputedResults {
  /** The `unfinished` of the newest session of each agent, if it is not empty. */
  readonly #newest = new Map<string, ReadonlySet<bigint>>();

  /** Notes the ids that the newest hello of an agent lists and that go on. */
  note(agent: string, ids: ReadonlySet<bigint>): void {
    if (ids.size === 0) this.#newest.delete(agent);
    else this.#newest.set(agent, ids);
  }

  /** Forgets an agent that was removed. */
  forget(agent: string): void {
    this.#newest.delete(agent);
  }

  /**
   * True if a LOST or REFUSED result comes over a replaced connection although the newest hello lists the command. Then a
   * copy of the host may speak. An agent that is alone tells its own LOST again over its new connection.
   */
  isContradicting(
    { agent, unfinished }: AgentSession,
    { commandId, status }: CommandResult,
  ): boolean {
    if (!STATUSES_WITHOUT_END.has(status)) return false;
    const newest = this.#newest.get(agent);
    return newest !== undefined && newest !== unfinished &&
      newest.has(commandId);
  }
}
