import type { OperatorToken } from "../../../proto/gen/piri/control/v1/control_messages.ts";
import { defineSubcommand } from "../command.ts";
import { ExitCode } from "../exit_code.ts";
import { claimsText } from "./claims.ts";
import { findOperator } from "./find_operator.ts";
import { NAME } from "./operator_add.ts";
import { operatorJson } from "./operator_text.ts";
import { RULE_LISTING } from "./rule_text.ts";
import type { ManagerServices } from "./services.ts";

/** `operator list`: the operators. */
export const list = defineSubcommand({
  name: "list",
  summary: "list the operators",
  positionals: {},
  flags: {},
  examples: ["", "--json"],
  async execute({ dir, output }, services: ManagerServices) {
    using control = await services.connect(dir);
    const { operators } = await control.operators.listOperators({});
    await output.list(operators, {
      json: operatorJson,
      columns: {
        NAME: ({ name }) => name,
        ROLE: ({ role }) => role,
        FROM: ({ ci }) => ci?.issuer ?? "",
        SEES: ({ see }) => see,
        STATE: ({ suspended }) => suspended ? "suspended" : "",
        RULES: ({ rules }) =>
          rules.length === 0
            ? ""
            : rules.some(({ unlimited }) => unlimited)
            ? `${rules.length}, unlimited`
            : String(rules.length),
        LOGINS: ({ tokens }) =>
          String(tokens.filter(({ isCode }) => !isCode).length),
        "LAST USE": ({ tokens }) => output.time(lastUse(tokens)),
      },
    });
    return ExitCode.ok;
  },
});

function lastUse(
  tokens: readonly OperatorToken[],
): bigint | undefined {
  return tokens.flatMap(({ usedAtMs }) => usedAtMs ?? [])
    .reduce<bigint | undefined>(
      (latest, at) => latest === undefined || at > latest ? at : latest,
      undefined,
    );
}

/** `operator show`: one operator with rules and logins. */
export const show = defineSubcommand({
  name: "show",
  summary: "show an operator with rules and logins",
  positionals: NAME,
  flags: {},
  examples: ["alice"],
  async execute(
    { positionals: { name }, dir, json, output },
    services: ManagerServices,
  ) {
    using control = await services.connect(dir);
    const operator = await findOperator(control, name);
    if (json) {
      await output.value(operatorJson(operator));
      return ExitCode.ok;
    }
    const logins = operator.tokens.filter(({ isCode }) => !isCode);
    await output.facts({
      name,
      role: operator.role,
      from: operator.ci?.issuer ?? "",
      claims: claimsText(operator.ci?.claims ?? {}),
      sees: operator.see,
      state: operator.suspended ? "suspended: nothing is answered" : "",
      added: output.fullTime(operator.createdAtMs),
      logins: String(logins.length),
      "last use": output.time(lastUse(logins)),
      rules: operator.rules.length === 0 ? "none" : "",
    });
    if (operator.rules.length > 0) {
      await output.list(operator.rules, RULE_LISTING);
    }
    return ExitCode.ok;
  },
});
