import { COMMON_FLAGS, OPERATOR_FLAGS } from "./arguments.ts";
import type {
  Flag,
  Flags,
  Group,
  HelpSection,
  Positionals,
  Program,
  SubcommandTable,
} from "./command.ts";
import type { Topic } from "./topic.ts";
import { EXIT_CODE_HELP } from "./exit_code.ts";
import { plainColumns } from "./plain_columns.ts";

const { padToWidth, wrapToWidth } = plainColumns;

/** Columns of the help: those of the narrowest usual terminal. */
const COLUMNS = 80;

/** Longest term that shares a line with its meaning. */
const MAX_TERM = 24;

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
          ...flagLines(
            program.hasOperatorConfig === true ? OPERATOR_FLAGS : {},
          ),
          ["--version", "version, commit, protocol, runtime, permissions"],
        ],
      },
      { title: "Exit codes", lines: EXIT_CODE_HELP },
      {
        title: `Topics ("${program.name} help TOPIC")`,
        lines: summaries(program.topics),
      },
    ],
    [`Run "${program.name} <subcommand> --help" for more about each.`],
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
    [`Run "${program.name} ${group.name} <subcommand> --help" for more about each.`],
  );
}

/** Text that `help TOPIC` prints. */
export function topicHelp<Services>(
  program: Program<Services>,
  { name, summary, sections }: Topic,
): string {
  const subcommand = program.subcommands.find((entry) => entry.name === name);
  return page(
    `${name}: ${summary}`,
    [],
    sections.map((section) => ({
      title: section.title,
      text: section.text ?? [],
      lines: [
        ...section.lines ?? [],
        ...(section.examples ?? []).map((line) => [line, ""] as const),
      ],
    })),
    subcommand === undefined
      ? []
      : [`The subcommand of this name: "${program.name} ${name} --help".`],
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
  sections: readonly PageSection[],
  closing: readonly string[],
): string {
  const parts = [
    headline,
    ...usage.map((line) => `Usage: ${line}`),
    ...sections
      .filter(({ text = [], lines }) => text.length + lines.length > 0)
      .map(sectionText),
    ...closing,
  ];
  return `${parts.join("\n\n")}\n`;
}

/** Section of a page: paragraphs, and below them terms. */
type PageSection = HelpSection & { readonly text?: readonly string[] };

function sectionText({ title, text = [], lines }: PageSection): string {
  const paragraphs = text.flatMap((paragraph, index) => [
    ...index === 0 ? [] : [""],
    ...wrapToWidth(paragraph, COLUMNS - 2),
  ]);
  const between = text.length > 0 && lines.length > 0 ? [""] : [];
  const short = lines.map(([term]) => term.length)
    .filter((length) => length <= MAX_TERM);
  const column = Math.max(0, ...short) + 2;
  const rows = lines.flatMap(([term, meaning]) => {
    const [first, ...others] = wrapToWidth(meaning, COLUMNS - 2 - column);
    const indented = others.map((line) => " ".repeat(column) + line);
    // A term that is too long for its column has a line of its own.
    return term.length > MAX_TERM && first !== undefined && first !== ""
      ? [term, " ".repeat(column) + first, ...indented]
      : [padToWidth(term, column) + (first ?? ""), ...indented];
  });
  return [
    `${title}:`,
    ...[...paragraphs, ...between, ...rows].map((row) => `  ${row}`.trimEnd()),
  ].join("\n");
}

function summaries(
  entries: readonly { name: string; summary: string; isInternal?: boolean }[],
): [string, string][] {
  return entries.filter(({ isInternal }) => isInternal !== true)
    .map(({ name, summary }) => [name, summary]);
}

function commonFlags<Services>({ defaultDir }: Program<Services>): Flags {
  let place = "";
  try {
    place = ` (default: ${defaultDir()})`;
  } catch {
    // A user without a home gets help all the same.
  }
  const { dir, ...others } = COMMON_FLAGS;
  return { dir: { ...dir, summary: `${dir.summary}${place}` }, ...others };
}

function flagLines(flags: Flags): [string, string][] {
  const shown = Object.entries(flags).filter(([, { isHidden }]) => !isHidden);
  return shown.map(([name, flag]) => [
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
      : type === "any"
      ? `[<${name}>...]`
      : type === "one"
      ? `<${name}>`
      : `[<${name}>]`
  );
}

function restWords({ rest }: SubcommandTable): string[] {
  return rest === undefined ? [] : [`[-- ${rest}]`];
}
