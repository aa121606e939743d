import { PiriError } from "../../base/errors.ts";
import { defineSubcommand, type Group } from "../command.ts";
import { ExitCode } from "../exit_code.ts";
import { findOperator } from "./operator.ts";
import { ruleJson, ruleText } from "./operator_text.ts";
import type { ManagerServices } from "./services.ts";
import { userOf } from "./signature.ts";
import { TARGET_HELP } from "./target_flags.ts";

const OPERATOR = { type: "one", summary: "name of the operator" } as const;

const on = {
  type: "string",
  value: "TARGETS",
  summary: "target expression: the agents that it is about",
} as const;

const add = defineSubcommand({
  name: "add",
  summary: "allow or deny an operator something",
  positionals: {
    operator: OPERATOR,
    decision: { type: "one", summary: "allow or deny; deny wins" },
  },
  flags: {
    on,
    do: {
      type: "string",
      value: "OPERATIONS",
      summary:
        "names of operations with commas between them, * for any text (default: command.Run)",
    },
    max: {
      type: "number",
      value: "N",
      summary: "most agents at once",
      least: 1,
      most: 1_000_000,
    },
    "trust-facts": {
      type: "boolean",
      summary:
        "facts that hosts tell count in --on, too, by which a host can lie its way into the rule",
    },
  },
  rest: "PROGRAM...",
  examples: [
    "alice allow --on '@web ! web-07' --do 'file.*'",
    "alice allow --on '@web' -- systemctl restart '*'",
    "alice deny --on '@prod' --do '*'",
  ],
  more: [{
    title: "Arguments",
    lines: [
      [
        "-- systemctl restart '*'",
        "allows these arguments alone, each whole, with * and ? within one",
      ],
      ["-- journalctl ...", 'allows more of them after the last one, by "..."'],
      [
        "",
        "variables, folder, user and input of the program are not allowed then",
      ],
    ],
  }, TARGET_HELP],
  async execute(
    { positionals, flags, rest, dir, output, terminal },
    services: ManagerServices,
  ) {
    const { operator, decision } = positionals;
    if (decision !== "allow" && decision !== "deny") {
      throw new PiriError(
        "INVALID_ARGUMENT",
        `Cannot add a rule "${decision}": it is allow or deny`,
      );
    }
    using control = await services.connect(dir);
    const { rule } = await control.operators.addRule({
      operator,
      rule: {
        deny: decision === "deny",
        on: requireTargets(flags.on),
        operations: (flags.do ?? "command.Run").split(","),
        argv: [...rest ?? []],
        max: flags.max ?? 0,
        trustFacts: flags["trust-facts"],
      },
      requestedBy: userOf(terminal),
    });
    if (rule !== undefined) {
      await output.either(ruleJson(operator, rule), ruleText(operator, rule));
    }
    return ExitCode.ok;
  },
});

const list = defineSubcommand({
  name: "list",
  summary: "list the rules of an operator",
  positionals: { operator: OPERATOR },
  flags: {},
  examples: ["alice"],
  async execute(
    { positionals: { operator }, dir, output },
    services: ManagerServices,
  ) {
    using control = await services.connect(dir);
    const { rules } = await findOperator(operator, control);
    for (const rule of rules) {
      await output.either(ruleJson(operator, rule), ruleText(operator, rule));
    }
    if (rules.length === 0) await output.note(`"${operator}" has no rule`);
    return ExitCode.ok;
  },
});

const remove = defineSubcommand({
  name: "remove",
  summary: "remove a rule by its name",
  positionals: {
    rule: { type: "one", summary: 'name of the rule, as "alice#2"' },
  },
  flags: {},
  examples: ["alice#2"],
  async execute(
    { positionals, dir, output, terminal },
    services: ManagerServices,
  ) {
    const [, operator = "", number = ""] =
      /^(.+)#([0-9]{1,9})$/.exec(positionals.rule) ?? [];
    if (operator === "") {
      throw new PiriError(
        "INVALID_ARGUMENT",
        `Cannot remove "${positionals.rule}": a rule is named as "alice#2"`,
      );
    }
    using control = await services.connect(dir);
    await control.operators.removeRule({
      operator,
      number: Number(number),
      requestedBy: userOf(terminal),
    });
    await output.either(
      { name: positionals.rule, removed: true },
      `removed rule ${positionals.rule}`,
    );
    return ExitCode.ok;
  },
});

const test = defineSubcommand({
  name: "test",
  summary: "tell which rule decides on something, and do nothing",
  positionals: { operator: OPERATOR },
  flags: {
    on,
    do: {
      type: "string",
      value: "OPERATION",
      summary: "name of the operation (default: command.Run)",
    },
  },
  rest: "PROGRAM [ARGUMENT...]",
  examples: ["alice --on db-1 -- id", "alice --on all --do file.Put"],
  async execute(
    { positionals: { operator }, flags, rest, dir, output },
    services: ManagerServices,
  ) {
    using control = await services.connect(dir);
    const { allowed, reason } = await control.operators.testRule({
      operator,
      selection: { expressions: [requireTargets(flags.on)] },
      operation: flags.do ?? "command.Run",
      params: rest === undefined ? "{}" : JSON.stringify({ argv: rest }),
    });
    await output.either(
      { allowed, reason },
      allowed ? `allowed: ${reason}` : `denied: ${reason}`,
    );
    return allowed ? ExitCode.ok : ExitCode.refused;
  },
});

/** `rule add|list|remove|test`: what operators on other machines may. */
export const rule: Group<ManagerServices> = {
  name: "rule",
  summary: "say what an operator may, and on which agents",
  subcommands: [add, list, remove, test],
  synonyms: {
    allow: "piri-manager rule add OPERATOR allow",
    check: "piri-manager rule test",
    delete: "piri-manager rule remove",
    deny: "piri-manager rule add OPERATOR deny",
    ls: "piri-manager rule list",
    new: "piri-manager rule add",
    rm: "piri-manager rule remove",
    show: "piri-manager rule list",
  },
};

function requireTargets(expression: string | undefined): string {
  if (expression !== undefined) return expression;
  throw new PiriError(
    "INVALID_ARGUMENT",
    "Cannot do it without --on: it says which agents are meant, as --on '@web' or --on all",
  );
}
