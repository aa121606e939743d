import type { Program } from "../../lib/cli/command.ts";
import { unicodeColumns } from "../../lib/cli/columns.ts";
import type { Topic } from "../../lib/cli/topic.ts";
import {
  argumentLines,
  commonFlags,
  entriesOf,
  type Entry,
  flagLines,
  usageLine,
} from "./pages.ts";

/** The manual page of a program, in the macros of man(7). */
export function manPage(program: Program<unknown>, date: string): string {
  const { name, summary, topics, build: { version } } = program;
  const others = ["piri-manager", "piri-agent"].filter((each) => each !== name);
  return [
    '.\\" Written by "deno task docs". Change the tables in lib/cli instead.',
    `.TH ${name.toUpperCase()} 1 ${date} "Piri ${version}" "Piri"`,
    ".SH NAME",
    `${plain(name)} \\- ${plain(summary)}`,
    ".SH SYNOPSIS",
    `.B ${plain(name)}`,
    "subcommand",
    "[arguments]",
    ".SH OPTIONS",
    "Every subcommand has these.",
    ...commonFlags(program).flatMap(tagged),
    ".SH SUBCOMMANDS",
    ...entriesOf(program).flatMap(subcommandPart),
    ...topics.flatMap(topicPart),
    ".SH SEE ALSO",
    others.map((each) => `.BR ${plain(each)} (1)`).join(" ,\n"),
    "",
  ].join("\n");
}

function subcommandPart(entry: Entry): string[] {
  const { name, table } = entry;
  return [
    `.SS ${plain(name)}`,
    ...prose(`${table.summary[0]?.toUpperCase()}${table.summary.slice(1)}.`),
    ".PP",
    ...prose(usageLine(entry)),
    ...[...argumentLines(table.positionals), ...flagLines(table.flags)]
      .flatMap(tagged),
    ...(table.more ?? []).flatMap(({ title, lines }) => [
      ".PP",
      ...prose(`${title}:`),
      ...lines.flatMap(tagged),
    ]),
    ".PP",
    "Examples:",
    ...examplesPart(table.examples.map((each) => `${name} ${each}`.trim())),
  ];
}

function topicPart({ sections }: Topic): string[] {
  return sections.flatMap(({ title, text = [], lines = [], examples }) => [
    `.SH ${plain(title.toUpperCase())}`,
    ...text.flatMap((paragraph, index) => [
      ...index === 0 ? [] : [".PP"],
      ...prose(paragraph),
    ]),
    ...lines.flatMap(tagged),
    ...examples === undefined ? [] : examplesPart(examples, text.length === 0),
  ]);
}

function examplesPart(examples: readonly string[], isFirst = false): string[] {
  return [
    ...isFirst ? [] : [".PP"],
    ".nf",
    ".RS",
    ...examples.map(line),
    ".RE",
    ".fi",
  ];
}

function tagged([term, meaning]: readonly [string, string]): string[] {
  // A meaning without a term goes on with what is above.
  if (term === "") return prose(meaning);
  return [".TP", `.B ${plain(term)}`, ...meaning === "" ? [] : prose(meaning)];
}

/** Longest line of the source of a page, in characters. */
const COLUMNS = 76;

/** Text as lines that roff fills. */
function prose(text: string): string[] {
  return unicodeColumns.wrapToWidth(plain(text), COLUMNS).map(guarded);
}

/** Text as a line of its own. */
function line(text: string): string {
  return guarded(plain(text));
}

/** A line that does not look like a macro. */
function guarded(text: string): string {
  return /^[.']/.test(text) ? `\\&${text}` : text;
}

/** Text as roff shows it character by character. */
function plain(text: string): string {
  return text.replaceAll("\\", "\\e").replaceAll("-", "\\-")
    .replaceAll('"', "\\(dq").replaceAll("'", "\\(aq").replaceAll("`", "\\(ga")
    .replaceAll("^", "\\(ha").replaceAll("~", "\\(ti");
}
