import type {
  Operator,
  OperatorToken,
  Rule,
} from "../../../proto/gen/piri/control/v1/control_pb.ts";
import type { Output } from "../output.ts";
import { text, time } from "./json_values.ts";

/** An operator as `--json` prints it. */
export function operatorJson(operator: Operator) {
  const { name, role, suspended, createdAtMs, tokens, rules } = operator;
  return {
    name,
    role,
    suspended,
    createdAt: time(createdAtMs),
    tokens: tokens.map((token) => ({
      id: Number(token.id),
      kind: token.isCode ? "code" : "token",
      createdAt: time(token.createdAtMs),
      expiresAt: time(token.expiresAtMs),
      usedAt: time(token.usedAtMs),
      usedFrom: text(token.usedFrom),
    })),
    rules: rules.map((rule) => ruleJson(name, rule)),
  };
}

/** A rule as `--json` prints it. */
export function ruleJson(operator: string, rule: Rule) {
  return {
    name: `${operator}#${rule.number}`,
    operator,
    number: rule.number,
    decision: rule.deny ? "deny" : "allow",
    on: rule.on,
    do: rule.operations,
    argv: rule.argv.length === 0 ? null : rule.argv,
    max: rule.max === 0 ? null : rule.max,
    trustFacts: rule.trustFacts,
    unlimited: rule.unlimited,
  };
}

/** Prints an operator with tokens and rules. */
export async function printOperator(
  operator: Operator,
  output: Output,
): Promise<void> {
  await output.facts({
    name: operator.name,
    role: operator.role,
    suspended: operator.suspended ? "yes" : "",
    added: output.fullTime(operator.createdAtMs),
  });
  for (const rule of operator.rules) {
    await output.line(ruleText(operator.name, rule));
  }
  if (operator.rules.length === 0 && operator.role !== "viewer") {
    await output.line("no rule: nothing may be run");
  }
  for (const token of operator.tokens) {
    await output.line(tokenText(token, output));
  }
}

/** A rule as a line. */
export function ruleText(operator: string, rule: Rule): string {
  const argv = rule.argv.length === 0 ? "" : ` -- ${rule.argv.join(" ")}`;
  const notes = [
    ...rule.max === 0 ? [] : [`at most ${rule.max} at once`],
    ...rule.trustFacts ? ["facts of hosts count"] : [],
    ...rule.unlimited ? ["unlimited: it allows any program"] : [],
  ];
  const words = `${operator}#${rule.number} ${
    rule.deny ? "denies" : "allows"
  } ${rule.operations.join(",")}${argv} on ${rule.on}`;
  return notes.length === 0 ? words : `${words} (${notes.join(", ")})`;
}

function tokenText(token: OperatorToken, output: Output): string {
  const { id, isCode, expiresAtMs, usedAtMs, usedFrom } = token;
  const until = `until ${output.fullTime(expiresAtMs)}`;
  if (isCode) return `code ${id}: nobody has logged in with it, ${until}`;
  return usedAtMs === undefined
    ? `token ${id}: never used, ${until}`
    : `token ${id}: last used ${
      output.time(usedAtMs)
    } from ${usedFrom}, ${until}`;
}
