import type { ProgramInput } from "./program_input.ts";

/** User that a program runs as, if it is not the agent's own. */
export interface ProgramUser {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  /** All groups, as a login of the user would have them; those of the agent are not inherited. */
  readonly groups: readonly number[];
}

/** Program to start. */
export interface Program {
  /** The program's path or name, and its arguments. */
  readonly argv: readonly [string, ...string[]];
  /** The same as bytes, if they are not all UTF-8. `argv` is then for messages only. Not on Windows. */
  readonly argvBytes?: readonly Uint8Array[];
  readonly cwd: string;
  /** Full environment. */
  readonly env: Readonly<Record<string, string>>;
  /** User to run as; the agent's own user, with the agent's own groups, by default. */
  readonly user?: ProgramUser;
  /** Mask of new files; inherited from the agent by default. Not on Windows. */
  readonly umask?: number;
  /** Standard input; empty by default. */
  readonly stdin?: ProgramInput;
  /** True if the arguments are already quoted as a command line of Windows. */
  readonly rawArguments?: boolean;
}
