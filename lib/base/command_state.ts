/** State of a command, as the database, the JSON output and the command line spell it. */
export type CommandStateName =
  | "queued"
  | "sent"
  | "running"
  | "succeeded"
  | "failed"
  | "cancelled"
  | "timed_out"
  | "refused"
  | "lost";

/** States of a command, in the order of a life: docs/protocol.md, "The life of a command". */
export const COMMAND_STATES = [
  "queued",
  "sent",
  "running",
  "succeeded",
  "failed",
  "cancelled",
  "timed_out",
  "refused",
  "lost",
] as const satisfies readonly CommandStateName[];

/** States of a command that has not ended. */
export const OPEN_STATES = [
  "queued",
  "sent",
  "running",
] as const satisfies readonly CommandStateName[];

/** Ends of a command other than success. */
export const BAD_ENDS = [
  "failed",
  "cancelled",
  "timed_out",
  "refused",
  "lost",
] as const satisfies readonly CommandStateName[];

const OPEN: ReadonlySet<CommandStateName> = new Set(OPEN_STATES);

/** True for the state of a command that has not ended. */
export function isOpenState(state: CommandStateName): boolean {
  return OPEN.has(state);
}

/** True for a command that has ended and whose end no later word of its agent can replace. */
export function hasEndedForGood(
  { state, presumed }: {
    readonly state: CommandStateName;
    /** The end is a guess of the Manager. */
    readonly presumed: boolean;
  },
): boolean {
  return !isOpenState(state) && !presumed;
}
