import { COMMON_FLAGS, OPERATOR_FLAGS } from "../../lib/cli/arguments.ts";
import type {
  Flag,
  Flags,
  Positionals,
  Program,
  SubcommandTable,
} from "../../lib/cli/command.ts";

/** A subcommand and the words that lead to it. */
export interface Entry {
  /** Words of the command line, such as "piri-manager agent add". */
  readonly name: string;
  readonly table: SubcommandTable;
}

/** Subcommands that people call, in the order of the help. */
export function entriesOf<Services>(program: Program<Services>): Entry[] {
  return program.subcommands.flatMap((entry): Entry[] =>
    "subcommands" in entry
      ? [
        ...entry.itself === undefined
          ? []
          : [{ name: `${program.name} ${entry.name}`, table: entry.itself }],
        ...entry.subcommands.map((table) => ({
          name: `${program.name} ${entry.name} ${table.name}`,
          table,
        })),
      ]
      : [{ name: `${program.name} ${entry.name}`, table: entry }]
  ).filter(({ table }) => table.isInternal !== true);
}

/** Flags of every subcommand of a program. */
export function commonFlags<Services>(
  { hasOperatorConfig }: Program<Services>,
): (readonly [string, string])[] {
  return flagLines({
    ...COMMON_FLAGS,
    ...hasOperatorConfig === true ? OPERATOR_FLAGS : {},
  });
}

/** Flags as they are typed, with their meaning. */
export function flagLines(flags: Flags): (readonly [string, string])[] {
  return Object.entries(flags).filter(([, flag]) => !isHidden(flag)).map((
    [name, flag],
  ) => [
    `--${name}${valueText(flag)}`,
    flag.type === "repeated"
      ? `${flag.summary}; may be repeated`
      : flag.summary,
  ]);
}

/** Arguments without a flag, with their meaning. */
export function argumentLines(
  positionals: Positionals,
): (readonly [string, string])[] {
  return Object.entries(positionals).map(([name, { summary }]) => [
    `<${name}>`,
    summary,
  ]);
}

/** The usage of a subcommand, in one line. */
export function usageLine({ name, table }: Entry): string {
  const words = Object.entries(table.positionals).map(([name, { type }]) => {
    const word = type === "one" || type === "optional"
      ? `<${name}>`
      : `<${name}>...`;
    return type === "one" || type === "many" ? word : `[${word}]`;
  });
  const rest = table.rest === undefined ? [] : [`[-- ${table.rest}]`];
  return [name, ...words, "[flags]", ...rest].join(" ");
}

function isHidden(flag: Flag): boolean {
  return "isHidden" in flag && flag.isHidden === true;
}

function valueText(flag: Flag): string {
  if (flag.type === "boolean") return "";
  return ` ${flag.type === "choice" ? flag.choices.join("|") : flag.value}`;
}
