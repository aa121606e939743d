import type { Output } from "./output.ts";
import type { Terminal } from "./terminal.ts";
import type { Topic } from "./topic.ts";

/** A flag of a subcommand. Its type decides the type of its value. */
export type Flag = ShownFlag & {
  /** True for a former name of a flag: it works, and the help does not show it. */
  readonly isHidden?: boolean;
  /** Names of flags that contradict this one; "--" for the arguments after it. It need not be said by both. */
  readonly apart?: readonly string[];
  /** Names of flags of which one has to be there, too. */
  readonly needs?: readonly string[];
};

type ShownFlag =
  | { readonly type: "boolean"; readonly summary: string }
  | {
    readonly type: "string";
    readonly summary: string;
    /** Name of the value in the help. */
    readonly value: string;
    /** True if an empty text is a value, too. */
    readonly mayBeEmpty?: true;
  }
  | {
    /** Type of a value that may be given often. */
    readonly type: "repeated";
    readonly summary: string;
    readonly value: string;
  }
  | {
    /** A time, typed as 90s, 1h30m or a number of seconds, and read as milliseconds. */
    readonly type: "duration";
    readonly summary: string;
    readonly value: string;
    /** Longest time, in milliseconds; MAX_DURATION_MS if absent. */
    readonly most?: number;
  }
  | {
    /** A whole number. */
    readonly type: "number";
    readonly summary: string;
    readonly value: string;
    readonly least: number;
    readonly most: number;
  }
  | {
    readonly type: "choice";
    readonly summary: string;
    readonly choices: readonly string[];
    /** Choices for words that people know from other tools. */
    readonly synonyms?: Readonly<Record<string, string>>;
  };

/** An argument without a flag. `many` takes at least one, `any` none or more. */
export interface Positional {
  readonly type: "one" | "optional" | "many" | "any";
  readonly summary: string;
  /** All words that it may be; any if absent. */
  readonly choices?: readonly string[];
}

export type Flags = Readonly<Record<string, Flag>>;
export type Positionals = Readonly<Record<string, Positional>>;

/** Type of a flag's value. */
export type FlagValue<F extends Flag> = F extends { type: "boolean" } ? boolean
  : F extends { type: "repeated" } ? readonly string[]
  : F extends { type: "number" | "duration" } ? number | undefined
  : F extends { choices: readonly (infer Choice)[] } ? Choice | undefined
  : string | undefined;

/** Type of a positional's value. */
export type PositionalValue<P extends Positional> = P["type"] extends
  "many" | "any" ? readonly string[]
  : P["type"] extends "one" ? string
  : string | undefined;

/** Arguments of a subcommand, parsed, and the output to print to. */
export interface Invocation {
  readonly flags: Readonly<Record<string, unknown>>;
  readonly positionals: Readonly<Record<string, unknown>>;
  /** Arguments after `--`; absent without it. */
  readonly rest: readonly string[] | undefined;
  /** Names of the flags that were not typed, and have a value from the user's settings. */
  readonly fromSettings: ReadonlySet<string>;
  /** Folder of the Manager or Agent: its state folder, or that of a login at a Manager elsewhere. */
  readonly dir: string;
  /** The state folder on this machine, for what needs that itself. */
  readonly stateDir: string;
  /** True if the user named the folder. */
  readonly dirGiven: boolean;
  /** True if values are printed as JSON Lines. */
  readonly json: boolean;
  readonly output: Output;
  readonly terminal: Terminal;
  /**
   * Puts the user's named expressions, as %web-prod, in the place of their names. `--explain` tells it.
   *
   * @throws {PiriError} NOT_FOUND for an unknown name; INVALID_ARGUMENT for names that mean each other
   */
  expandTargets(texts: readonly string[]): Promise<string[]>;
}

/** An invocation with the types of a subcommand's table. */
export interface TypedInvocation<F extends Flags, P extends Positionals>
  extends Invocation {
  readonly flags: { readonly [Name in keyof F]: FlagValue<F[Name]> };
  readonly positionals: {
    readonly [Name in keyof P]: PositionalValue<P[Name]>;
  };
}

/** A section of the help: a title, and lines of a term with its meaning. */
export interface HelpSection {
  readonly title: string;
  readonly lines: readonly (readonly [string, string])[];
}

/** Declaration of a subcommand: its arguments are parsed, and its help is written, by this table. */
export interface SubcommandTable<
  F extends Flags = Flags,
  P extends Positionals = Positionals,
> {
  readonly name: string;
  /** One line that begins with a verb. */
  readonly summary: string;
  readonly positionals: P;
  readonly flags: F;
  /** Name of the arguments after `--`; none are accepted if absent. */
  readonly rest?: string;
  readonly examples: readonly string[];
  /** Hints for flags that this subcommand does not have and people may expect, by the flag's name. */
  readonly hints?: Readonly<Record<string, string>>;
  /** More sections of the help. */
  readonly more?: readonly HelpSection[];
  /** True for a subcommand that only programs call: help, docs and hints do not name it. */
  readonly isInternal?: boolean;
}

/** A subcommand. It prints through its invocation and returns its exit code: an `ExitCode`, or that of a program. */
export interface Subcommand<Services> extends SubcommandTable {
  execute(invocation: Invocation, services: Services): Promise<number>;
}

/** Several subcommands under one word, as `agent add` and `agent remove`. */
export interface Group<Services> {
  readonly name: string;
  readonly summary: string;
  readonly subcommands: readonly Subcommand<Services>[];
  /** Subcommand that is meant if no word of the others follows: as `plan web` beside `plan list`. It has the group's name. */
  readonly itself?: Subcommand<Services>;
  /** Lines to type instead of words that people know from other tools. */
  readonly synonyms?: Readonly<Record<string, string>>;
}

/** One of the two executables. */
export interface Program<Services> {
  readonly name: string;
  readonly summary: string;
  readonly build: BuildInfo;
  /**
   * Path of the state folder without `--dir`.
   *
   * @throws {PiriError} FAILED_PRECONDITION if this user has none.
   */
  readonly defaultDir: () => string;
  /**
   * Path of the folder of the Manager to talk to without `--dir`, which may be the state folder; that one if absent.
   *
   * @throws {PiriError} FAILED_PRECONDITION if there is a choice and none was made
   */
  readonly findManager?: (
    terminal: Terminal,
    stateDir: () => string,
  ) => string;
  readonly subcommands: readonly (Subcommand<Services> | Group<Services>)[];
  /** Lines to type instead of words that people know from other tools. */
  readonly synonyms?: Readonly<Record<string, string>>;
  /** True if people have settings of their own for it. */
  readonly hasOperatorConfig?: boolean;
  /**
   * Prints what the program shows without a subcommand, and returns the exit code. Undefined if there is nothing to show:
   * then the help is printed.
   */
  readonly alone?: (
    invocation: Invocation,
    services: Services,
  ) => Promise<number | undefined>;
  /** Pages of the help beside those of subcommands. */
  readonly topics: readonly Topic[];
  readonly services: Services;
}

/** Build that `--version` shows. */
export interface BuildInfo {
  readonly version: string;
  readonly commit: string;
  readonly protocol: number;
  /** Name and version, such as "deno 2.7.11". */
  readonly runtime: string;
  /** Sentence about the permissions that the program gives up or does not have. */
  readonly permissions?: string;
}

/** Declares a subcommand whose `execute` gets values with the types of its table. */
export function defineSubcommand<
  Services,
  const F extends Flags,
  const P extends Positionals,
>(
  definition: SubcommandTable<F, P> & {
    execute(
      invocation: TypedInvocation<F, P>,
      services: Services,
    ): Promise<number>;
  },
): Subcommand<Services> {
  return {
    ...definition,
    // The values were parsed by this very table, so they have its types.
    execute: (invocation, services) =>
      definition.execute(invocation as TypedInvocation<F, P>, services),
  };
}
