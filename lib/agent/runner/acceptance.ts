import {
  type Command,
  type CommandResult,
  OnDisconnect,
} from "../../../proto/gen/piri/agent/v1/agent_messages.ts";
import type { ErrorCode } from "../../base/errors.ts";
import type { Dialect } from "../../wire/dialect.ts";
import { refusalOf } from "./result.ts";

/** Limit of commands that run at the same time. */
export const MAX_RUNNING = 32;

/**
 * Largest step of an id above the highest accepted one. A larger step is a mistake: once such an id were accepted, no
 * Manager could give this agent a command any more. The limit is far above the distance of two commands of one agent,
 * counting the commands of other agents and the ids that a Manager skips.
 */
export const MAX_ID_JUMP = 2n ** 48n;

/** State of the agent when a command comes. */
export interface AgentStanding {
  /** Highest id ever accepted, 0 at first. */
  readonly lastCommandId: bigint;
  /** Count of running commands. */
  readonly running: number;
  /** Limit of the policy; MAX_RUNNING if absent. */
  readonly most?: number | undefined;
  /** Reason for taking no commands at all, if there is one. */
  readonly refusing: string | undefined;
  /** True if it can let programs outlive it. */
  readonly survives?: boolean;
}

/** Refuses a command, or returns undefined if it may be accepted. Ids of a legacy Manager are not checked. */
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

/** Makes the refusal of an agent that takes no commands. */
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
  if (id - last <= MAX_ID_JUMP) return undefined;
  return {
    code: "REFUSED",
    why: `its id is ${
      id - last
    } above the last one, ${last}, and the limit is ${MAX_ID_JUMP}`,
  };
}

function complaintOf(
  { onDisconnect, survive, type }: Command,
  { running, most = MAX_RUNNING, survives = false }: AgentStanding,
): Complaint | undefined {
  if (running >= most) {
    const whose = most < MAX_RUNNING ? " of this agent's policy" : "";
    return {
      code: "BUSY",
      why: `busy, ${running} commands are running, which is the limit${whose}`,
    };
  }
  if (OnDisconnect[onDisconnect] === undefined) {
    return {
      code: "UNSUPPORTED",
      why: `on_disconnect ${onDisconnect} is not known here`,
    };
  }
  if (survive && !survives) {
    return {
      code: "UNSUPPORTED",
      why: "here no program can outlive the agent: that needs Linux",
    };
  }
  if (survive && type !== "command.Run") {
    return {
      code: "INVALID_ARGUMENT",
      why: "only a program, command.Run, can outlive the agent",
    };
  }
  return undefined;
}
