import type { Program } from "../../lib/cli/command.ts";
import type { Topic } from "../../lib/cli/topic.ts";
import {
  argumentLines,
  commonFlags,
  entriesOf,
  type Entry,
  flagLines,
  usageLine,
} from "./pages.ts";

/** Command lines of all programs as a page of Markdown, before it is formatted. */
export function commandLineMarkdown(
  programs: readonly Program<unknown>[],
): string {
  return [
    "# Command line",
    "",
    "<!-- Written by `deno task docs`. Change the tables in lib/cli instead. -->",
    "",
    "Every subcommand explains itself with `--help`, and `help TOPIC` explains what is about several of them. Times are typed as `90s`, `5m`, `1h30m`, `2d12h` or `1w`; a number alone is seconds. `piri-manager completion bash` prints the completion of a shell, and the pages `piri-manager(1)` and `piri-agent(1)` in `docs/man` tell the same as this one.",
    "",
    ...programs.flatMap(programPart),
  ].join("\n");
}

function programPart(program: Program<unknown>): string[] {
  return [
    `## ${program.name}`,
    "",
    `${sentence(program.summary)}`,
    "",
    table("Flag of every subcommand", commonFlags),
    ...entriesOf(program).flatMap(subcommandPart),
    ...program.topics.flatMap((topic) => topicPart(program.name, topic)),
  ];
}

function subcommandPart(entry: Entry): string[] {
  const { name, table: declared } = entry;
  return [
    `### ${name}`,
    "",
    sentence(declared.summary),
    "",
    "```sh",
    usageLine(entry),
    "```",
    "",
    table("Argument", argumentLines(declared.positionals)),
    table("Flag", flagLines(declared.flags)),
    ...(declared.more ?? []).map(({ title, lines }) => table(title, lines)),
    "```sh",
    ...declared.examples.map((example) => `${name} ${example}`.trim()),
    "```",
    "",
  ];
}

function topicPart(program: string, topic: Topic): string[] {
  return [
    `### ${program} help ${topic.name}`,
    "",
    ...topic.sections.flatMap(({ title, text = [], lines = [], examples }) => [
      `#### ${title}`,
      "",
      ...text.flatMap((paragraph) => [escaped(paragraph), ""]),
      ...lines.length === 0 ? [] : [table("Written", lines)],
      ...examples === undefined ? [] : ["```sh", ...examples, "```", ""],
    ]),
  ];
}

function table(
  title: string,
  lines: readonly (readonly [string, string])[],
): string {
  if (lines.length === 0) return "";
  const code = (text: string) => `\`${text.replaceAll("|", "\\|")}\``;
  return [
    `| ${title} | Meaning |`,
    "| --- | --- |",
    ...lines.map(([term, meaning]) =>
      `| ${code(term)} | ${escaped(meaning)} |`
    ),
    "",
  ].join("\n");
}

function sentence(text: string): string {
  return escaped(`${text[0]?.toUpperCase()}${text.slice(1)}.`);
}

/** Text without the characters that Markdown takes for its own. */
function escaped(text: string): string {
  return text.replaceAll(/[\\*_<>|`[\]]/g, "\\$&");
}
