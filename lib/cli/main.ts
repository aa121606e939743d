import { nearest } from "../base/nearest.ts";
import {
  type CommonValues,
  OPERATOR_FLAGS,
  parseFront,
  parseSubcommand,
} from "./arguments.ts";
import type {
  Flags,
  Group,
  Invocation,
  Program,
  Subcommand,
} from "./command.ts";
import {
  type Complaint,
  complaintOf,
  ExitError,
  HintedError,
} from "./errors.ts";
import { ExitCode } from "./exit_code.ts";
import { expandNamedTargets } from "./named_targets.ts";
import { loadOperatorConfig, type OperatorConfig } from "./operator_config.ts";
import { Output } from "./output.ts";
import { withSettings } from "./own_settings.ts";
import { NobodyReads, type Terminal } from "./terminal.ts";
import { printable } from "./text.ts";

/** Finds the subcommand, runs it, and returns its exit code. An error is printed and becomes an exit code, too. */
export async function main<Services>(
  program: Program<Services>,
  args: readonly string[],
  terminal: Terminal,
): Promise<number> {
  try {
    return await dispatch({ program, terminal }, args);
  } catch (error) {
    // As with `head`: who reads has all that was wanted, so there is nothing to complain of.
    if (error instanceof NobodyReads) return ExitCode.ok;
    const complaint = complaintOf(error);
    await terminal.stderr.write(
      wantsJson(args)
        ? complaintJson(complaint)
        : complaintText(complaint, error),
    );
    return complaint.exitCode;
  }
}

/** A program and where it prints to. */
interface Start<Services> {
  readonly program: Program<Services>;
  readonly terminal: Terminal;
}

/** Words that lead to a subcommand, and the flags that were typed among them. */
interface Path {
  readonly names: readonly string[];
  readonly common: CommonValues;
  /** Arguments after the last name. */
  readonly args: readonly string[];
}

async function dispatch<Services>(
  start: Start<Services>,
  args: readonly string[],
): Promise<number> {
  const { program } = start;
  const front = parseFront(args, {
    version: { type: "boolean", summary: "" },
    ...operatorFlags(program),
  });
  const { common, words: [name, ...rest] } = front;
  if (front.version) return await printVersion(start, common);
  if (name === undefined) return await runAlone(start, common);
  const entry = find(program, name, program.name);
  const path = { names: [entry.name], common, args: rest };
  if (!("subcommands" in entry)) return await run(start, entry, path);
  const { itself, subcommands } = entry;
  const isItself = itself !== undefined &&
    !subcommands.some((each) => each.name === rest[0]);
  return isItself
    ? await run(start, itself, path)
    : await dispatchGroup(start, entry, path);
}

/** Runs a program without a subcommand. */
async function runAlone<Services>(
  { program, terminal }: Start<Services>,
  common: CommonValues,
): Promise<number> {
  const code = common.help ? undefined : await program.alone?.(
    invocationOf({ program, terminal }, common, {
      flags: {},
      positionals: {},
      rest: undefined,
      fromSettings: new Set(),
    }),
    program.services,
  );
  return code ?? await showHelp(
    ({ programHelp }) => programHelp(program),
    common,
    terminal,
  );
}

async function dispatchGroup<Services>(
  start: Start<Services>,
  group: Group<Services>,
  path: Path,
): Promise<number> {
  const { program } = start;
  const { common, words: [name, ...rest] } = parseFront(
    path.args,
    operatorFlags(program),
  );
  const both = merge(path.common, common);
  if (name === undefined) {
    return await showHelp(
      ({ groupHelp }) => groupHelp(program, group),
      both,
      start.terminal,
    );
  }
  const entry = find(group, name, `${program.name} ${group.name}`);
  const names = [...path.names, entry.name];
  return await run(start, entry, { names, common: both, args: rest });
}

async function run<Services>(
  { program, terminal }: Start<Services>,
  subcommand: Subcommand<Services>,
  { names, common: before, args }: Path,
): Promise<number> {
  const parsed = parseSubcommand(subcommand, args, operatorFlags(program));
  const common = merge(before, parsed.common);
  if (common.help) {
    return await showHelp(
      ({ subcommandHelp }) => subcommandHelp(program, names, subcommand),
      common,
      terminal,
    );
  }
  // Completion must not fail by a mistake in a file.
  const config = subcommand.isInternal === true
    ? undefined
    : await settingsOf({ program, terminal }, common);
  const { flags, positionals, fromSettings, explained } = withSettings(
    parsed,
    config,
    {
      table: subcommand,
      words: names,
    },
  );
  if (common.explain) {
    for (const line of explained) await terminal.stderr.write(`${line}\n`);
  }
  return await subcommand.execute(
    invocationOf({ program, terminal }, common, {
      flags,
      positionals,
      rest: parsed.rest,
      fromSettings,
    }, config),
    program.services,
  );
}

/** Folders are looked for when they are asked for: not every subcommand needs one, and there may be none. */
function invocationOf<Services>(
  { program, terminal }: Start<Services>,
  common: CommonValues,
  words: Pick<Invocation, "flags" | "positionals" | "rest" | "fromSettings">,
  config?: OperatorConfig,
): Invocation {
  return {
    ...words,
    get dir() {
      const { defaultDir, findManager = defaultDir } = program;
      return common.dir ?? findManager(terminal, defaultDir);
    },
    get stateDir() {
      return common.dir ?? program.defaultDir();
    },
    dirGiven: common.dir !== undefined,
    json: common.json,
    output: new Output(terminal, common),
    terminal,
    async expandTargets(texts) {
      const expanded = expandNamedTargets(texts, config);
      for (const [i, text] of texts.entries()) {
        if (!common.explain || text === expanded[i]) continue;
        await terminal.stderr.write(
          `${text}: ${expanded[i]}, from ${config?.path}\n`,
        );
      }
      return expanded;
    },
  };
}

function operatorFlags<Services>(
  { hasOperatorConfig }: Program<Services>,
): Flags {
  return hasOperatorConfig === true ? OPERATOR_FLAGS : {};
}

/** Settings of the person who calls the program. */
async function settingsOf<Services>(
  { program, terminal }: Start<Services>,
  { noConfig }: CommonValues,
): Promise<OperatorConfig | undefined> {
  return program.hasOperatorConfig === true && !noConfig
    ? await loadOperatorConfig(program, terminal)
    : undefined;
}

function merge(before: CommonValues, after: CommonValues): CommonValues {
  return {
    dir: after.dir ?? before.dir,
    json: before.json || after.json,
    help: before.help || after.help,
    utc: before.utc || after.utc,
    explain: before.explain || after.explain,
    noConfig: before.noConfig || after.noConfig,
  };
}

function find<
  Entry extends { readonly name: string; readonly isInternal?: boolean },
>(
  { subcommands, synonyms = {} }: {
    readonly subcommands: readonly Entry[];
    readonly synonyms?: Readonly<Record<string, string>>;
  },
  name: string,
  parent: string,
): Entry {
  const found = subcommands.find((entry) => entry.name === name);
  if (found !== undefined) return found;
  const meant = Object.hasOwn(synonyms, name) ? synonyms[name] : nearest(
    name,
    subcommands.filter(({ isInternal }) => isInternal !== true)
      .map((entry) => entry.name),
  );
  const question = meant === undefined ? "" : `did you mean "${meant}"? `;
  throw new HintedError(
    "INVALID_ARGUMENT",
    `Cannot run "${parent} ${name}": there is no such subcommand`,
    `${question}"${parent} --help" lists them all`,
  );
}

/** Prints help: to stdout if it was asked for, else to stderr as wrong usage. */
async function showHelp(
  textOf: (help: typeof import("./help.ts")) => string,
  { help }: CommonValues,
  { stdout, stderr }: Terminal,
): Promise<number> {
  const text = textOf(await import("./help.ts"));
  await (help ? stdout : stderr).write(text);
  return help ? ExitCode.ok : ExitCode.usage;
}

async function printVersion<Services>(
  { program: { name, build }, terminal }: Start<Services>,
  { json }: CommonValues,
): Promise<number> {
  await new Output(terminal, { json }).either(
    { name, ...build },
    [
      `${name} ${build.version} (commit ${build.commit}, protocol ${build.protocol}, ${build.runtime})`,
      ...build.permissions === undefined ? [] : [build.permissions],
    ].join("\n"),
  );
  return ExitCode.ok;
}

/** True if `--json` is among the arguments, even where the others cannot be parsed. */
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
  const cause = error instanceof ExitError ? error.cause : error;
  if (fault && cause instanceof Error) lines.push(cause.stack ?? "");
  return `${printable(lines.join("\n"))}\n`;
}
