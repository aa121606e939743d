import { closestString } from "@std/text/closest-string";
import { type CommonValues, parseFront, parseSubcommand } from "./arguments.ts";
import type { Group, Program, Subcommand } from "./command.ts";
import { type Complaint, complaintOf, HintedError } from "./errors.ts";
import { ExitCode } from "./exit_code.ts";
import { Output } from "./output.ts";
import { NobodyReads, type Terminal } from "./terminal.ts";
import { printable } from "./text.ts";

/** Finds the subcommand, runs it, and turns whatever happens into an exit code. */
export async function main<Services>(
  program: Program<Services>,
  args: readonly string[],
  terminal: Terminal,
): Promise<ExitCode> {
  try {
    return await dispatch(program, args, terminal);
  } catch (error) {
    // As `head` does it: nobody is left to print for, so there is nothing to complain of.
    if (error instanceof NobodyReads) return ExitCode.failed;
    const complaint = complaintOf(error);
    await terminal.stderr.write(
      wantsJson(args)
        ? complaintJson(complaint)
        : complaintText(complaint, error),
    );
    return complaint.exitCode;
  }
}

async function dispatch<Services>(
  program: Program<Services>,
  args: readonly string[],
  terminal: Terminal,
): Promise<ExitCode> {
  const front = parseFront(args, { version: { type: "boolean", summary: "" } });
  const [name, ...rest] = front.words;
  if (front.version) return await printVersion(program, front.common, terminal);
  if (name === undefined) {
    return await showHelp(
      ({ programHelp }) => programHelp(program),
      front.common,
      terminal,
    );
  }
  const entry = find(program.subcommands, name, program.name);
  if (!("subcommands" in entry)) {
    return await run(
      program,
      [entry.name],
      entry,
      front.common,
      rest,
      terminal,
    );
  }
  return await dispatchGroup(program, entry, front.common, rest, terminal);
}

async function dispatchGroup<Services>(
  program: Program<Services>,
  group: Group<Services>,
  before: CommonValues,
  args: readonly string[],
  terminal: Terminal,
): Promise<ExitCode> {
  const { common, words: [name, ...rest] } = parseFront(args, {});
  const both = merge(before, common);
  if (name === undefined) {
    return await showHelp(
      ({ groupHelp }) => groupHelp(program, group),
      both,
      terminal,
    );
  }
  const entry = find(group.subcommands, name, `${program.name} ${group.name}`);
  const path = [group.name, entry.name];
  return await run(program, path, entry, both, rest, terminal);
}

async function run<Services>(
  program: Program<Services>,
  path: readonly string[],
  subcommand: Subcommand<Services>,
  before: CommonValues,
  args: readonly string[],
  terminal: Terminal,
): Promise<ExitCode> {
  const parsed = parseSubcommand(subcommand, args);
  const common = merge(before, parsed.common);
  if (common.help) {
    return await showHelp(
      ({ subcommandHelp }) => subcommandHelp(program, path, subcommand),
      common,
      terminal,
    );
  }
  return await subcommand.execute(
    {
      flags: parsed.flags,
      positionals: parsed.positionals,
      rest: parsed.rest,
      dir: common.dir ?? program.defaultDir(),
      json: common.json,
      output: new Output(terminal, common.json),
      terminal,
    } as Parameters<typeof subcommand.execute>[0],
    program.services,
  );
}

function merge(before: CommonValues, after: CommonValues): CommonValues {
  return {
    dir: after.dir ?? before.dir,
    json: before.json || after.json,
    help: before.help || after.help,
  };
}

function find<Entry extends { readonly name: string }>(
  entries: readonly Entry[],
  name: string,
  parent: string,
): Entry {
  const found = entries.find((entry) => entry.name === name);
  if (found !== undefined) return found;
  const nearest = closestString(name, entries.map((entry) => entry.name));
  throw new HintedError(
    "INVALID_ARGUMENT",
    `Cannot run "${parent} ${name}": there is no such subcommand`,
    `did you mean "${nearest}"? "${parent} --help" lists them all`,
  );
}

/** Help that was asked for is the answer; help that was not is a complaint. */
async function showHelp(
  textOf: (help: typeof import("./help.ts")) => string,
  { help }: CommonValues,
  { stdout, stderr }: Terminal,
): Promise<ExitCode> {
  const text = textOf(await import("./help.ts"));
  await (help ? stdout : stderr).write(text);
  return help ? ExitCode.ok : ExitCode.usage;
}

async function printVersion<Services>(
  { name, build }: Program<Services>,
  { json }: CommonValues,
  terminal: Terminal,
): Promise<ExitCode> {
  await new Output(terminal, json).either(
    { name, ...build },
    `${name} ${build.version} (commit ${build.commit}, protocol ${build.protocol}, ${build.runtime})`,
  );
  return ExitCode.ok;
}

/** Whether `--json` was given, also where the rest cannot be understood. */
function wantsJson(args: readonly string[]): boolean {
  const end = args.indexOf("--");
  return args.slice(0, end < 0 ? args.length : end).includes("--json");
}

function complaintJson({ code, message, hint }: Complaint): string {
  const error = { code, message, ...(hint === undefined ? {} : { hint }) };
  return `${JSON.stringify({ error })}\n`;
}

function complaintText(
  { message, hint, fault }: Complaint,
  error: unknown,
): string {
  const lines = [`error: ${message}`];
  if (hint !== undefined) lines.push(`hint: ${hint}`);
  if (fault && error instanceof Error) lines.push(error.stack ?? "");
  return `${printable(lines.join("\n"))}\n`;
}
