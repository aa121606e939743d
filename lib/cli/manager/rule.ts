import { PiriError } from "../../base/errors.ts";
import { defineSubcommand, type Group, type HelpSection } from "../command.ts";
import { HintedError } from "../errors.ts";
import { ExitCode } from "../exit_code.ts";
import { shellWords } from "../shell_words.ts";
import { findOperator, withOperatorHint } from "./find_operator.ts";
import { RULE_LISTING, ruleJson, ruleText } from "./rule_text.ts";
import type { ManagerServices } from "./services.ts";
import { userOf } from "./signature.ts";
import { TARGET_HELP } from "./target_flags.ts";

const OPERATOR = { type: "one", summary: "name of the operator" } as const;

const RULE_HELP: HelpSection = {
  title: "What decides",
  lines: [
    ["deny", "wins over every allow"],
    ["deny --argv", "denies what cannot be compared, too, as each --shell"],
    ["no allow", "denied, and so is all of a request with one denied agent"],
    ["groups, names", "those that the Manager knows; facts with --trust-facts"],
    ["unlimited", "a rule by which anything can be run in the end"],
  ],
};

const add = defineSubcommand({
  name: "add",
  summary: "allow or deny operations of an operator on agents",
  positionals: {
    operator: OPERATOR,
    decision: {
      type: "one",
      summary: "allow or deny",
      choices: ["allow", "deny"],
    },
  },
  flags: {
    on: {
      type: "string",
      value: "TARGETS",
      summary: "target expression of the agents: @web, 'web-* ! web-07', all",
    },
    do: {
      type: "repeated",
      value: "OPERATIONS",
      summary: "operations, with * for any text: 'command.Run,file.*'",
    },
    argv: {
      type: "string",
      value: "WORDS",
      summary:
        "with command.Run: the whole command line, as a shell splits it, with * within a word and \"...\" at its end for any more: 'systemctl restart *'",
    },
    max: {
      type: "number",
      value: "N",
      summary: "most agents of one request (default: any number)",
      least: 1,
      most: 1_000_000,
    },
    within: {
      type: "string",
      value: "TIMES",
      summary:
        "times of the week at which the rule counts, in a time zone: 'Mon-Fri 08:00-18:00 Europe/Berlin' (default: always)",
    },
    approve: {
      type: "number",
      value: "N",
      summary:
        "let each job by this rule wait until so many others approve of it, 1 to 5 (default: none)",
      least: 1,
      most: 5,
    },
    "trust-facts": {
      type: "boolean",
      summary:
        "let facts that agents tell about themselves count in TARGETS, too",
    },
  },
  more: [RULE_HELP, TARGET_HELP],
  examples: [
    "alice allow --on @web --do command.Run --argv 'uptime'",
    "alice allow --on '@web ! web-07' --do 'file.*' --max 50",
    "alice deny --on @db --do '*'",
    "alice allow --on @db --do command.Run --approve 1",
    "bob allow --on @web --do '*' --within 'Sat,Sun UTC'",
  ],
  async execute(
    { positionals: { operator, decision }, flags, dir, output, terminal },
    services: ManagerServices,
  ) {
    const on = required("add", "on", flags.on);
    using control = await services.connect(dir);
    const { rule } = await withOperatorHint(
      control.operators.addRule({
        operator,
        rule: {
          deny: decision === "deny",
          on,
          operations: operationsOf(flags.do),
          argv: flags.argv === undefined ? [] : wordsOf(flags.argv),
          max: flags.max ?? 0,
          trustFacts: flags["trust-facts"],
          within: flags.within ?? "",
          approve: flags.approve ?? 0,
        },
        requestedBy: userOf(terminal),
      }),
      operator,
      control,
    );
    if (rule === undefined) {
      throw new PiriError("INTERNAL", "Cannot show the rule: it did not come");
    }
    await output.either(
      { operator, ...ruleJson(rule) },
      ruleText(operator, rule),
    );
    if (rule.unlimited) {
      await output.note(
        "unlimited: by this rule anything can be run on these agents in the end",
      );
    }
    return ExitCode.ok;
  },
});

const list = defineSubcommand({
  name: "list",
  summary: "list the rules of an operator",
  positionals: { operator: OPERATOR },
  flags: {},
  more: [RULE_HELP],
  examples: ["alice"],
  async execute(
    { positionals, dir, output },
    services: ManagerServices,
  ) {
    using control = await services.connect(dir);
    const { rules } = await findOperator(control, positionals.operator);
    await output.list(rules, RULE_LISTING);
    return ExitCode.ok;
  },
});

const remove = defineSubcommand({
  name: "remove",
  summary: "remove a rule of an operator",
  positionals: {
    operator: OPERATOR,
    number: { type: "one", summary: "number of the rule: 2, or alice#2" },
  },
  flags: {},
  examples: ["alice 2"],
  async execute(
    { positionals: { operator, number: word }, dir, output, terminal },
    services: ManagerServices,
  ) {
    const number = numberOf(operator, word);
    using control = await services.connect(dir);
    await withOperatorHint(
      control.operators.removeRule({
        operator,
        number,
        requestedBy: userOf(terminal),
      }),
      operator,
      control,
    );
    await output.either(
      { operator, number, removed: true },
      `removed rule ${operator}#${number}`,
    );
    return ExitCode.ok;
  },
});

const test = defineSubcommand({
  name: "test",
  summary: "tell if an operator may do something, and by which rule",
  positionals: { operator: OPERATOR },
  flags: {
    on: {
      type: "repeated",
      value: "TARGETS",
      summary: "target expression of the agents",
    },
    do: {
      type: "string",
      value: "OPERATION",
      summary: "the operation (default: command.Run)",
    },
    at: {
      type: "string",
      value: "TIME",
      summary:
        "time to test at, for rules with --within: 2026-06-01T22:30:00Z, or without a zone by the clock here (default: now)",
    },
  },
  rest: "<program> [arguments]",
  more: [{
    title: "Exit code",
    lines: [["0", "allowed"], ["1", "denied"]],
  }, RULE_HELP],
  examples: [
    "alice --on web-1 -- systemctl restart nginx",
    "alice --on @web --do file.Put",
    "alice --on web-1 --at 2026-06-01T22:30:00Z -- uptime",
  ],
  async execute(
    { positionals: { operator }, flags, rest, dir, output },
    services: ManagerServices,
  ) {
    const operation = flags.do ?? "command.Run";
    if (flags.on.length === 0) required("test", "on", undefined);
    if (operation === "command.Run" && (rest ?? []).length === 0) {
      throw new HintedError(
        "INVALID_ARGUMENT",
        'Cannot run "test": the program is missing',
        "it comes after --, as in -- systemctl restart nginx",
      );
    }
    using control = await services.connect(dir);
    const { allowed, reason } = await withOperatorHint(
      control.operators.testRule({
        operator,
        selection: { expressions: [...flags.on] },
        operation,
        params: rest === undefined ? "" : JSON.stringify({ argv: rest }),
        ...flags.at === undefined ? {} : { atMs: timeOf(flags.at) },
      }),
      operator,
      control,
    );
    await output.either(
      { operator, allowed, reason },
      `${allowed ? "allowed" : "denied"}: ${reason}`,
    );
    return allowed ? ExitCode.ok : ExitCode.failed;
  },
});

/** `rule add|list|remove|test`: what operators may do. */
export const rule: Group<ManagerServices> = {
  name: "rule",
  summary: "say what operators may do, on which agents",
  subcommands: [add, list, remove, test],
  synonyms: {
    allow: "piri-manager rule add NAME allow",
    check: "piri-manager rule test",
    create: "piri-manager rule add",
    delete: "piri-manager rule remove",
    deny: "piri-manager rule add NAME deny",
    ls: "piri-manager rule list",
    rm: "piri-manager rule remove",
    show: "piri-manager rule list",
  },
};

function required(
  subcommand: string,
  flag: string,
  value: string | undefined,
): string {
  if (value !== undefined) return value;
  throw new HintedError(
    "INVALID_ARGUMENT",
    `Cannot run "${subcommand}": "--${flag}" is missing`,
    `"${subcommand} --help" tells how it is used`,
  );
}

/** Time in milliseconds since 1970. */
function timeOf(text: string): bigint {
  const at = /^\d{4}-\d{2}-\d{2}(?:[T ]|$)/.test(text) ? Date.parse(text) : NaN;
  if (!Number.isNaN(at)) return BigInt(at);
  throw new HintedError(
    "INVALID_ARGUMENT",
    `Cannot test at "${text}": it is not a time`,
    "write it as 2026-06-01T22:30:00Z, or without Z by the clock of this machine",
  );
}

/** Operations in lists with commas. */
function operationsOf(lists: readonly string[]): string[] {
  const names = lists.flatMap((list) => list.split(","))
    .map((name) => name.trim()).filter((name) => name !== "");
  if (names.length > 0) return names;
  throw new HintedError(
    "INVALID_ARGUMENT",
    'Cannot run "add": "--do" is missing',
    "piri-manager operations lists the operations; '*' is all of them",
  );
}

/** Words of a command line, without what a shell would expand. */
function wordsOf(line: string): string[] {
  // The last word is that at the cursor, which is none after a space.
  const { words } = shellWords(`${line.trimEnd()} `);
  return words.slice(0, -1);
}

function numberOf(operator: string, word: string): number {
  const digits = word.startsWith(`${operator}#`)
    ? word.slice(operator.length + 1)
    : word;
  if (/^\d{1,9}$/.test(digits)) return Number(digits);
  throw new PiriError(
    "INVALID_ARGUMENT",
    `Cannot remove rule "${word}" of "${operator}": its number is one, as 2`,
  );
}
