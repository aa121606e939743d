import { CommandResult_Status } from "../../proto/gen/piri/agent/v1/agent_messages.ts";
import type { CommandStateName } from "./command_state.ts";

/** State that each status of a result means. An unknown status has none. */
export const STATE_OF_STATUS: Readonly<
  Record<CommandResult_Status, CommandStateName>
> = {
  [CommandResult_Status.UNSPECIFIED]: "failed",
  [CommandResult_Status.SUCCESS]: "succeeded",
  [CommandResult_Status.FAILED]: "failed",
  [CommandResult_Status.CANCELLED]: "cancelled",
  [CommandResult_Status.TIMED_OUT]: "timed_out",
  [CommandResult_Status.REFUSED]: "refused",
  [CommandResult_Status.LOST]: "lost",
};
