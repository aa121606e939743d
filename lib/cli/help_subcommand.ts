import { nearest } from "../base/nearest.ts";
import { defineSubcommand, type Program, type Subcommand } from "./command.ts";
import { HintedError } from "./errors.ts";
import { ExitCode } from "./exit_code.ts";

/** `help TOPIC`: shows a page of the help, or that of a subcommand. */
export function helpSubcommand<Services>(
  programOf: () => Program<Services>,
): Subcommand<Services> {
  return defineSubcommand({
    name: "help",
    summary: "show the help of a topic or of a subcommand",
    positionals: {
      topic: { type: "optional", summary: "topic or subcommand" },
      subcommand: {
        type: "optional",
        summary: "subcommand of a group, as in: help agent add",
      },
    },
    flags: {},
    examples: ["", "exit-codes", "run"],
    async execute({ positionals: { topic, subcommand }, terminal }) {
      const program = programOf();
      const text = await textOf(program, topic, subcommand);
      await terminal.stdout.write(text);
      return ExitCode.ok;
    },
  });
}

async function textOf<Services>(
  program: Program<Services>,
  name: string | undefined,
  second: string | undefined,
): Promise<string> {
  const { groupHelp, programHelp, subcommandHelp, topicHelp } = await import(
    "./help.ts"
  );
  if (name === undefined) return programHelp(program);
  const topic = program.topics.find((each) => each.name === name);
  if (topic !== undefined && second === undefined) {
    return topicHelp(program, topic);
  }
  const entry = program.subcommands.find((each) => each.name === name);
  if (entry === undefined) throw unknown(program, name);
  if (!("subcommands" in entry)) {
    if (second !== undefined) throw unknown(program, `${name} ${second}`);
    return subcommandHelp(program, [name], entry);
  }
  if (second === undefined) {
    return entry.itself === undefined
      ? groupHelp(program, entry)
      : subcommandHelp(program, [name], entry.itself);
  }
  const inner = entry.subcommands.find((each) => each.name === second);
  if (inner === undefined) throw unknown(program, `${name} ${second}`);
  return subcommandHelp(program, [name, second], inner);
}

function unknown<Services>(
  { name: program, topics, subcommands, synonyms = {} }: Program<Services>,
  name: string,
): HintedError {
  const known = [...topics, ...subcommands].map((each) => each.name);
  const meant = nearest(name, known);
  const synonym = Object.hasOwn(synonyms, name) ? synonyms[name] : undefined;
  return new HintedError(
    "NOT_FOUND",
    `Cannot show the help of "${name}": there is no such topic or subcommand`,
    meant !== undefined
      ? `did you mean "${program} help ${meant}"?`
      : synonym !== undefined
      ? `did you mean "${synonym}"?`
      : `topics are ${topics.map((each) => each.name).join(", ")}; ` +
        `"${program} --help" lists the subcommands`,
  );
}
