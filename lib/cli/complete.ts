import { COMMON_FLAGS, OPERATOR_FLAGS } from "./arguments.ts";
import type { Flag, Flags, Program, SubcommandTable } from "./command.ts";

/** A word that may stand at the cursor. */
export interface Candidate {
  readonly word: string;
  /** One line for people; empty for none. */
  readonly summary: string;
}

/** Words that the table does not have: the Manager knows them, or the disk. */
export type WordKind =
  | "targets"
  | "agent"
  | "approval"
  | "group"
  | "id"
  | "job"
  | "operation"
  | "file"
  | "folder"
  | "nothing";

/** The place of the cursor in a command line. */
export interface CursorPlace {
  /** Words that the table has for this place, and that begin as it was typed. */
  readonly candidates: readonly Candidate[];
  readonly kind: WordKind;
  /** Text of the word in front of the part that is to be completed, as "--agent=". */
  readonly before: string;
  /** Part of the word that was typed so far. */
  readonly typed: string;
  /** The state folder, if `--dir` names one. */
  readonly dir: string | undefined;
  /** Operation that `--op` names: its parameters may stand here, too. */
  readonly operation: string | undefined;
}

/** Finds what may stand at the end of a command line. The last word is the one at the cursor, and may be empty. */
export function placeOf<Services>(
  program: Program<Services>,
  words: readonly string[],
): CursorPlace {
  const current = words.at(-1) ?? "";
  const line = new Line(program);
  for (const word of words.slice(0, -1)) line.take(word);
  return line.place(current);
}

/** The words of a command line, taken one after the other. */
class Line<Services> {
  readonly #program: Program<Services>;
  /** Entries that the next word may name; undefined once there is a subcommand. */
  #entries: readonly NamedEntry[] | undefined;
  #table: SubcommandTable | undefined;
  /** Words without a flag, after that of the subcommand. */
  #positionals = 0;
  /** Flag that the next word is the value of. */
  #open: { readonly name: string; readonly flag: Flag } | undefined;
  #isRest = false;
  #dir: string | undefined;
  #operation: string | undefined;

  constructor(program: Program<Services>) {
    this.#program = program;
    this.#entries = program.subcommands;
  }

  take(word: string): void {
    if (this.#isRest) return;
    if (this.#open !== undefined) {
      this.#note(this.#open.name, word);
      this.#open = undefined;
    } else if (word === "--") this.#isRest = true;
    else if (word.startsWith("-")) this.#takeFlag(word);
    else if (this.#entries !== undefined) this.#enter(word);
    else this.#positionals++;
  }

  place(word: string): CursorPlace {
    if (this.#isRest) return this.#at("file", word);
    if (this.#open !== undefined) return this.#value(this.#open, word);
    const [, name = "", value] = /^--([^=]+)=(.*)$/s.exec(word) ?? [];
    const flag = value === undefined ? undefined : this.#flags[name];
    if (value !== undefined && flag !== undefined) {
      return this.#value({ name, flag }, value, `--${name}=`);
    }
    if (word.startsWith("-")) {
      return this.#at("nothing", word, flagWords(this.#flags));
    }
    if (this.#entries !== undefined) {
      return this.#at(
        "nothing",
        word,
        this.#entries.filter(isShown).map(named),
      );
    }
    return this.#positional(word);
  }

  get #flags(): Flags {
    return {
      ...this.#table?.flags,
      ...COMMON_FLAGS,
      ...this.#program.hasOperatorConfig === true ? OPERATOR_FLAGS : {},
    };
  }

  #takeFlag(word: string): void {
    const [, name = "", value] = /^--?([^=]+)(?:=(.*))?$/s.exec(word) ?? [];
    const flag = this.#flags[name];
    if (flag === undefined || flag.type === "boolean") return;
    if (value === undefined) this.#open = { name, flag };
    else this.#note(name, value);
  }

  #note(name: string, value: string): void {
    if (name === "dir") this.#dir = value;
    if (name === "op") this.#operation = value;
  }

  #enter(word: string): void {
    const entry = this.#entries?.find(({ name }) => name === word);
    if (entry === undefined && this.#table !== undefined) {
      this.#entries = undefined;
      this.#positionals++;
      return;
    }
    // A word that is no subcommand has nothing after it.
    this.#entries = entry?.subcommands;
    this.#table = entry?.subcommands === undefined && entry !== undefined
      ? entry as SubcommandTable
      : entry?.itself;
  }

  #positional(word: string): CursorPlace {
    const declared = Object.entries(this.#table?.positionals ?? {});
    const [name, positional] = declared[this.#positionals] ??
      declared.findLast(([, { type }]) =>
        type !== "one" && type !== "optional"
      ) ??
      [];
    if (name === undefined || positional === undefined) {
      return this.#at("nothing", word);
    }
    if (name === "topic") return this.#at("nothing", word, this.#helpWords());
    const choices = positional.choices ?? [];
    return this.#at(
      kindOfPositional(name),
      word,
      choices.map((choice) => ({ word: choice, summary: "" })),
    );
  }

  #helpWords(): Candidate[] {
    const entries: readonly NamedEntry[] = this.#program.subcommands;
    return [...this.#program.topics, ...entries.filter(isShown)].map(named);
  }

  #value(
    { name, flag }: { readonly name: string; readonly flag: Flag },
    typed: string,
    before = "",
  ): CursorPlace {
    const choices = flag.type === "choice" ? flag.choices : [];
    return this.#at(
      kindOfFlag(name, flag),
      typed,
      choices.map((choice) => ({ word: choice, summary: "" })),
      before,
    );
  }

  #at(
    kind: WordKind,
    typed: string,
    candidates: readonly Candidate[] = [],
    before = "",
  ): CursorPlace {
    return {
      candidates: candidates.filter(({ word }) => word.startsWith(typed)),
      kind,
      before,
      typed,
      dir: this.#dir,
      operation: this.#operation,
    };
  }
}

/** A subcommand or a group of them. */
interface NamedEntry {
  readonly name: string;
  readonly summary: string;
  readonly isInternal?: boolean;
  readonly subcommands?: readonly NamedEntry[];
  /** Subcommand of a group that is meant without a further word. */
  readonly itself?: SubcommandTable;
}

function isShown({ isInternal }: { isInternal?: boolean }): boolean {
  return isInternal !== true;
}

function named(
  { name, summary }: { name: string; summary: string },
): Candidate {
  return { word: name, summary };
}

function flagWords(flags: Flags): Candidate[] {
  return Object.entries(flags)
    .filter(([, flag]) => !("isHidden" in flag && flag.isHidden === true))
    .map(([name, { summary }]) => ({ word: `--${name}`, summary }));
}

/** Kinds of words by the name that the tables give an argument: the same name means the same in all subcommands. */
const POSITIONALS: Readonly<Record<string, WordKind>> = {
  agent: "targets",
  target: "targets",
  name: "agent",
  approval: "approval",
  id: "id",
  job: "job",
  source: "file",
  file: "file",
};

/** Kind of the words of an argument without a flag. */
export function kindOfPositional(name: string): WordKind {
  return Object.hasOwn(POSITIONALS, name)
    ? POSITIONALS[name] ?? "nothing"
    : "nothing";
}

const FLAGS: Readonly<Record<string, WordKind>> = {
  agent: "agent",
  canary: "targets",
  group: "group",
  "no-group": "group",
  on: "targets",
  op: "operation",
};

/** Kinds of values by their names in the help. */
const VALUES: Readonly<Record<string, WordKind>> = {
  DIR: "folder",
  EXPR: "targets",
  FILE: "file",
};

/** Kind of the values of a flag. */
export function kindOfFlag(name: string, flag: Flag): WordKind {
  if (flag.type !== "string" && flag.type !== "repeated") return "nothing";
  return (Object.hasOwn(FLAGS, name) ? FLAGS[name] : undefined) ??
    (Object.hasOwn(VALUES, flag.value) ? VALUES[flag.value] : undefined) ??
    "nothing";
}
