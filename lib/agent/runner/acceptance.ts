import {
  type Command,
  type CommandResult,
  OnDisconnect,
} from "../../../proto/gen/piri/agent/v1/agent_messages.ts";
import type { ErrorCode } from "../../base/errors.ts";
import type { Dialect } from "../../wire/dialect.ts";
import { refusalOf } from "./result.ts";

/** So many commands run at a time. */
export const MAX_RUNNING = 32;

/**
 * An id is at most so far above the highest that was accepted. What lies beyond is a mistake: once it were accepted, no
 * Manager could give this agent a command any more. It is far more than what the commands of other agents, and the ids
 * that a Manager follows to, may lie between two commands of one agent.
 */
export const HIGHEST_ID_JUMP = 2n ** 48n;

/** How an agent is when a command comes. */
export interface AgentStanding {
  /** The highest id ever accepted, 0 at first. */
  readonly lastCommandId: bigint;
  /** How many commands run. */
  readonly running: number;
  /** Why it takes no commands at all, if so. */
  readonly refusing: string | undefined;
}

/** Why a command is not accepted; undefined if it may be. Ids of a legacy Manager say nothing. */
export function refusalFor(
  command: Command,
  { dialect, ...agent }: AgentStanding & { readonly dialect: Dialect },
): CommandResult | undefined {
  const { commandId: id } = command;
  if (agent.refusing !== undefined) return refusalBecause(id, agent.refusing);
  const complaint =
    (dialect.hasIdentities ? idComplaint(id, agent) : undefined) ??
      complaintOf(command, agent);
  return complaint &&
    refusalOf(
      id,
      complaint.code,
      `Cannot accept command ${id}: ${complaint.why}`,
    );
}

/** A refusal by an agent that takes no commands. */
export function refusalBecause(id: bigint, why: string): CommandResult {
  return refusalOf(id, "UNAVAILABLE", `Cannot accept command ${id}: ${why}`);
}

interface Complaint {
  readonly code: ErrorCode;
  readonly why: string;
}

function idComplaint(
  id: bigint,
  { lastCommandId: last }: AgentStanding,
): Complaint | undefined {
  if (id <= last) {
    return { code: "REFUSED", why: `the agent has accepted ${last} before` };
  }
  if (id - last <= HIGHEST_ID_JUMP) return undefined;
  return {
    code: "REFUSED",
    why: `its id is ${
      id - last
    } above the last one, ${last}, and the limit is ${HIGHEST_ID_JUMP}`,
  };
}

function complaintOf(
  { onDisconnect }: Command,
  { running }: AgentStanding,
): Complaint | undefined {
  if (running >= MAX_RUNNING) {
    return {
      code: "BUSY",
      why: `busy, ${MAX_RUNNING} commands are running, which is the limit`,
    };
  }
  if (OnDisconnect[onDisconnect] === undefined) {
    return {
      code: "UNSUPPORTED",
      why: `on_disconnect ${onDisconnect} is not known here`,
    };
  }
  return undefined;
}
