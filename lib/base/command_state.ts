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

/** State of a command that has not ended. */
export type OpenStateName = typeof OPEN_STATES[number];

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
export function isOpenState(
  state: CommandStateName,
): state is OpenStateName {
  return OPEN.has(state);
}

/** End of a command, or the lack of one. */
interface KnownEnd {
  readonly state: CommandStateName;
  /** The end is a guess of the Manager. */
  readonly presumed: boolean;
}

/** True for a command that has ended and whose end no later word of its agent can replace. */
export function hasEndedForGood({ state, presumed }: KnownEnd): boolean {
  return !isOpenState(state) && !presumed;
}

/** True for an end that may be taken back: a guess, or a loss, after which another agent of the name may have the command. */
export function mayComeBack({ state, presumed }: KnownEnd): boolean {
  return presumed || state === "lost";
}
