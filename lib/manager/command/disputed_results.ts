import {
  type CommandResult,
  CommandResult_Status,
} from "../../../proto/gen/piri/agent/v1/agent_messages.ts";
import type { AgentSession } from "../fleet.ts";

/** Results of commands of which the agent knows no end: its run before did not tell, or had not begun. */
const STATUSES_WITHOUT_END: ReadonlySet<CommandResult_Status> = new Set([
  CommandResult_Status.LOST,
  CommandResult_Status.REFUSED,
]);

/** What the newest hello of each agent listed and is not over here, whether its connection is still there or not. */
export class DisputedResults {
  /** The `unfinished` of the newest session, where there is anything. */
  readonly #newest = new Map<string, ReadonlySet<bigint>>();

  /** The newest hello of an agent listed these, and no others. */
  note(agent: string, ids: ReadonlySet<bigint>): void {
    if (ids.size === 0) this.#newest.delete(agent);
    else this.#newest.set(agent, ids);
  }

  /** Nobody of this name has anything any more. */
  forget(agent: string): void {
    this.#newest.delete(agent);
  }

  /**
   * Whether a result that knows of no end comes from another agent of that name than the one that has the command. What
   * was sent on a connection that was replaced is still read: a copy of a host calls lost what the original, back since,
   * has just listed. An agent alone that had called it lost tells so again over the connection of that hello.
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
