import { COMMON_FLAGS } from "./arguments.ts";
import type {
  Flag,
  Flags,
  Group,
  HelpSection,
  Positionals,
  Program,
  SubcommandTable,
} from "./command.ts";
import { EXIT_CODE_HELP } from "./exit_code.ts";
import { alignColumns } from "./columns.ts";

/** Text that `--help` prints for a program. */
export function programHelp<Services>(program: Program<Services>): string {
  return page(
    `${program.name}: ${program.summary}`,
    [`${program.name} <subcommand> [arguments]`],
    [
      { title: "Subcommands", lines: summaries(program.subcommands) },
      {
        title: "Flags",
        lines: [
          ...flagLines(commonFlags(program)),
          ["--version", "version, commit, protocol and runtime"],
        ],
      },
      { title: "Exit codes", lines: EXIT_CODE_HELP },
    ],
    [`"${program.name} <subcommand> --help" tells more of each.`],
  );
}

/** Text that `--help` prints for a group of subcommands. */
export function groupHelp<Services>(
  program: Program<Services>,
  group: Group<Services>,
): string {
  return page(
    `${program.name} ${group.name}: ${group.summary}`,
    [`${program.name} ${group.name} <subcommand> [arguments]`],
    [{ title: "Subcommands", lines: summaries(group.subcommands) }],
    [`"${program.name} ${group.name} <subcommand> --help" tells more of each.`],
  );
}

/** Text that `--help` prints for a subcommand. */
export function subcommandHelp<Services>(
  program: Program<Services>,
  path: readonly string[],
  table: SubcommandTable,
): string {
  const name = [program.name, ...path].join(" ");
  const positionals = Object.entries(table.positionals);
  return page(
    `${name}: ${table.summary}`,
    [[name, ...usageWords(table.positionals), "[flags]", ...restWords(table)]
      .join(" ")],
    [
      {
        title: "Arguments",
        lines: positionals.map(([name, { summary }]) => [`<${name}>`, summary]),
      },
      {
        title: "Flags",
        lines: flagLines({
          ...table.flags,
          ...commonFlags(program),
        }),
      },
      ...table.more ?? [],
      {
        title: "Examples",
        lines: table.examples.map((
          example,
        ) => [`${name} ${example}`.trim(), ""]),
      },
    ],
    [],
  );
}

function page(
  headline: string,
  usage: readonly string[],
  sections: readonly HelpSection[],
  closing: readonly string[],
): string {
  const parts = [
    headline,
    ...usage.map((line) => `Usage: ${line}`),
    ...sections.filter(({ lines }) => lines.length > 0).map(sectionText),
    ...closing,
  ];
  return `${parts.join("\n\n")}\n`;
}

function sectionText({ title, lines }: HelpSection): string {
  const rows = alignColumns(lines.map(([term, meaning]) => [term, meaning]));
  return [`${title}:`, ...rows.map((row) => `  ${row}`)].join("\n");
}

function summaries(
  entries: readonly { name: string; summary: string }[],
): [string, string][] {
  return entries.map(({ name, summary }) => [name, summary]);
}

function commonFlags<Services>({ defaultDir }: Program<Services>): Flags {
  let place = "";
  try {
    place = ` (${defaultDir()} if absent)`;
  } catch {
    // A user without a home gets help all the same.
  }
  const { dir, ...others } = COMMON_FLAGS;
  return { dir: { ...dir, summary: `${dir.summary}${place}` }, ...others };
}

function flagLines(flags: Flags): [string, string][] {
  return Object.entries(flags).map(([name, flag]) => [
    `--${name}${valueText(flag)}`,
    flag.type === "repeated"
      ? `${flag.summary}; may be repeated`
      : flag.summary,
  ]);
}

function valueText(flag: Flag): string {
  if (flag.type === "boolean") return "";
  return flag.type === "choice"
    ? ` ${flag.choices.join("|")}`
    : ` ${flag.value}`;
}

function usageWords(positionals: Positionals): string[] {
  return Object.entries(positionals).map(([name, { type }]) =>
    type === "many"
      ? `<${name}>...`
      : type === "one"
      ? `<${name}>`
      : `[<${name}>]`
  );
}

function restWords({ rest }: SubcommandTable): string[] {
  return rest === undefined ? [] : [`[-- ${rest}]`];
}
