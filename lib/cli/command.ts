import type { ExitCode } from "./exit_code.ts";
import type { Output } from "./output.ts";
import type { Terminal } from "./terminal.ts";

/** A flag of a subcommand; its kind says what its value becomes. */
export type Flag =
  | { readonly type: "boolean"; readonly summary: string }
  | {
    /** `duration` is written as 90s or 1h30m, and given in milliseconds. `repeated` may be given several times. */
    readonly type: "string" | "repeated" | "duration";
    readonly summary: string;
    /** What the help calls its value. */
    readonly value: string;
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
  };

/** What is written without a flag, in order. `many` takes at least one. */
export interface Positional {
  readonly type: "one" | "optional" | "many";
  readonly summary: string;
}

export type Flags = Readonly<Record<string, Flag>>;
export type Positionals = Readonly<Record<string, Positional>>;

/** What a flag's value is. */
export type FlagValue<F extends Flag> = F extends { type: "boolean" } ? boolean
  : F extends { type: "repeated" } ? readonly string[]
  : F extends { type: "number" | "duration" } ? number | undefined
  : F extends { choices: readonly (infer Choice)[] } ? Choice | undefined
  : string | undefined;

/** What a positional's value is. */
export type PositionalValue<P extends Positional> = P["type"] extends "many"
  ? readonly string[]
  : P["type"] extends "one" ? string
  : string | undefined;

/** What was typed, understood, and where to print to. */
export interface Invocation {
  readonly flags: Readonly<Record<string, unknown>>;
  readonly positionals: Readonly<Record<string, unknown>>;
  /** What follows `--`; absent without it. */
  readonly rest: readonly string[] | undefined;
  /** The state folder. */
  readonly dir: string;
  /** Whether values are to be printed as JSON Lines. */
  readonly json: boolean;
  readonly output: Output;
  readonly terminal: Terminal;
}

/** An invocation with the values that a subcommand's table promises. */
export interface TypedInvocation<F extends Flags, P extends Positionals>
  extends Invocation {
  readonly flags: { readonly [Name in keyof F]: FlagValue<F[Name]> };
  readonly positionals: {
    readonly [Name in keyof P]: PositionalValue<P[Name]>;
  };
}

/** A part of the help: a title and lines of a term and what it means. */
export interface HelpSection {
  readonly title: string;
  readonly lines: readonly (readonly [string, string])[];
}

/** What is declared of a subcommand: it is parsed by this, and explained by it. */
export interface SubcommandTable<
  F extends Flags = Flags,
  P extends Positionals = Positionals,
> {
  readonly name: string;
  /** A line, beginning with a verb. */
  readonly summary: string;
  readonly positionals: P;
  readonly flags: F;
  /** What may follow `--`; nothing may if absent. */
  readonly rest?: string;
  readonly examples: readonly string[];
  /** What else people should know. */
  readonly more?: readonly HelpSection[];
}

/** Something that a program can be told to do. It prints through what it is given, and returns its exit code. */
export interface Subcommand<Services> extends SubcommandTable {
  execute(invocation: Invocation, services: Services): Promise<ExitCode>;
}

/** Several subcommands under one word, as `agent add` and `agent remove`. */
export interface Group<Services> {
  readonly name: string;
  readonly summary: string;
  readonly subcommands: readonly Subcommand<Services>[];
}

/** One of the two executables. */
export interface Program<Services> {
  readonly name: string;
  readonly summary: string;
  readonly build: BuildInfo;
  /**
   * The state folder where `--dir` is not given.
   *
   * @throws {PiriError} FAILED_PRECONDITION if this user has none.
   */
  readonly defaultDir: () => string;
  readonly subcommands: readonly (Subcommand<Services> | Group<Services>)[];
  readonly services: Services;
}

/** What `--version` tells. */
export interface BuildInfo {
  readonly version: string;
  readonly commit: string;
  readonly protocol: number;
  /** As "deno 2.7.11". */
  readonly runtime: string;
}

/** Declares a subcommand, such that `execute` gets the values that its table promises. */
export function defineSubcommand<
  Services,
  const F extends Flags,
  const P extends Positionals,
>(
  definition: SubcommandTable<F, P> & {
    execute(
      invocation: TypedInvocation<F, P>,
      services: Services,
    ): Promise<ExitCode>;
  },
): Subcommand<Services> {
  return {
    ...definition,
    // The values were parsed by this very table, so they have its types.
    execute: (invocation, services) =>
      definition.execute(invocation as TypedInvocation<F, P>, services),
  };
}
