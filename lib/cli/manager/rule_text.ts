import type { Rule } from "../../../proto/gen/piri/control/v1/control_messages.ts";
import { approvalsText } from "../../base/approval_name.ts";
import type { Listing } from "../output.ts";

/** A rule as JSON. */
export function ruleJson(rule: Rule): Record<string, unknown> {
  return {
    number: rule.number,
    decision: decisionOf(rule),
    on: rule.on,
    do: rule.operations,
    argv: rule.argv.length === 0 ? null : rule.argv,
    max: rule.max === 0 ? null : rule.max,
    approve: rule.approve === 0 ? null : rule.approve,
    trustFacts: rule.trustFacts,
    within: rule.within === "" ? null : rule.within,
    unlimited: rule.unlimited,
  };
}

/** Rules as a table. */
export const RULE_LISTING: Listing<Rule> = {
  json: ruleJson,
  columns: {
    RULE: ({ number }) => String(number),
    DECISION: decisionOf,
    ON: ({ on }) => on,
    DO: ({ operations }) => operations.join(","),
    ARGV: ({ argv }) => argv.map(quoted).join(" "),
    MAX: ({ max }) => max === 0 ? "" : String(max),
    WITHIN: ({ within }) => within,
    APPROVALS: ({ approve }) => approve === 0 ? "" : String(approve),
    NOTES: notesOf,
  },
};

/** A rule in one line. */
export function ruleText(operator: string, rule: Rule): string {
  const { number, on, operations, argv, max, within, approve } = rule;
  const bounds = [
    ...argv.length === 0 ? [] : [`as ${argv.map(quoted).join(" ")}`],
    ...max === 0 ? [] : [`at most ${max} agents at a time`],
    ...within === "" ? [] : [`within ${within}`],
    ...approve === 0 ? [] : [`with ${approvalsText(approve)}`],
    ...notesOf(rule) === "" ? [] : [notesOf(rule)],
  ];
  return `${operator}#${number} ${decisionOf(rule)} ${
    operations.join(",")
  } on ${quoted(on)}${bounds.map((bound) => `, ${bound}`).join("")}`;
}

function decisionOf({ deny }: Rule): "allow" | "deny" {
  return deny ? "deny" : "allow";
}

function notesOf({ unlimited, trustFacts }: Rule): string {
  return [
    ...unlimited ? ["unlimited"] : [],
    ...trustFacts ? ["trusts facts"] : [],
  ].join(", ");
}

function quoted(word: string): string {
  return /^[A-Za-z0-9_@%+=:,./*-]+$/.test(word)
    ? word
    : `'${word.replaceAll("'", `'\\''`)}'`;
}
