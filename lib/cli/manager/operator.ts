import type { OperatorToken } from "../../../proto/gen/piri/control/v1/control_messages.ts";
import { PiriError } from "../../base/errors.ts";
import { defineSubcommand, type Group, type Subcommand } from "../command.ts";
import { ExitCode } from "../exit_code.ts";
import { claimsText } from "./claims.ts";
import { findOperator, withOperatorHint } from "./find_operator.ts";
import {
  add,
  invite,
  NAME,
  ROLE,
  ROLE_HELP,
  see,
  seeOf,
} from "./operator_add.ts";
import { operatorJson } from "./operator_text.ts";
import { revokeToken, tokens } from "./operator_tokens.ts";
import { RULE_LISTING } from "./rule_text.ts";
import type { ManagerServices } from "./services.ts";
import { userOf } from "./signature.ts";

const list = defineSubcommand({
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

const show = defineSubcommand({
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

const set = defineSubcommand({
  name: "set",
  summary: "change the role of an operator, or what it sees",
  positionals: NAME,
  flags: { role: ROLE, see },
  more: [ROLE_HELP],
  examples: ["alice --role admin", "alice --see @web", "alice --see all"],
  async execute(
    { positionals: { name }, flags: { role, see }, dir, output, terminal },
    services: ManagerServices,
  ) {
    if (role === undefined && see === undefined) {
      throw new PiriError(
        "INVALID_ARGUMENT",
        `Cannot change operator "${name}": "--role" or "--see" is missing`,
      );
    }
    using control = await services.connect(dir);
    const { operator } = await withOperatorHint(
      control.operators.setOperator({
        name,
        ...role === undefined ? {} : { role },
        ...see === undefined ? {} : { see: seeOf(see) },
        requestedBy: userOf(terminal),
      }),
      name,
      control,
    );
    await output.either(
      operator === undefined ? { name } : operatorJson(operator),
      `operator "${name}" has the role ${operator?.role ?? role} and sees ${
        operator?.see || "all"
      }`,
    );
    return ExitCode.ok;
  },
});

/** Makes the subcommand that suspends, or ends that. */
function suspension(
  { name: word, summary, suspended, done }: {
    readonly name: string;
    readonly summary: string;
    readonly suspended: boolean;
    readonly done: string;
  },
): Subcommand<ManagerServices> {
  return defineSubcommand({
    name: word,
    summary,
    positionals: NAME,
    flags: {},
    examples: ["alice"],
    async execute(
      { positionals: { name }, dir, output, terminal },
      services: ManagerServices,
    ) {
      using control = await services.connect(dir);
      const { operator } = await withOperatorHint(
        control.operators.setOperator({
          name,
          suspended,
          requestedBy: userOf(terminal),
        }),
        name,
        control,
      );
      await output.either(
        operator === undefined ? { name, suspended } : operatorJson(operator),
        `operator "${name}" ${done}`,
      );
      return ExitCode.ok;
    },
  });
}

const remove = defineSubcommand({
  name: "remove",
  summary: "remove an operator with all rules and logins",
  positionals: NAME,
  flags: {},
  examples: ["alice"],
  async execute(
    { positionals: { name }, dir, output, terminal },
    services: ManagerServices,
  ) {
    using control = await services.connect(dir);
    await withOperatorHint(
      control.operators.removeOperator({
        name,
        requestedBy: userOf(terminal),
      }),
      name,
      control,
    );
    await output.either(
      { name, removed: true },
      `removed operator "${name}" with all rules and logins`,
    );
    return ExitCode.ok;
  },
});

/** `operator add|list|show|...`: people and scripts on other machines. */
export const operator: Group<ManagerServices> = {
  name: "operator",
  summary: "let people and scripts ask from other machines",
  subcommands: [
    add,
    invite,
    list,
    show,
    set,
    suspension({
      name: "suspend",
      summary: "refuse all that an operator asks, until resume",
      suspended: true,
      done: "is suspended: all open streams end",
    }),
    suspension({
      name: "resume",
      summary: "answer a suspended operator again",
      suspended: false,
      done: "is answered again",
    }),
    remove,
    tokens,
    revokeToken,
  ],
  synonyms: {
    create: "piri-manager operator add",
    delete: "piri-manager operator remove",
    disable: "piri-manager operator suspend",
    enable: "piri-manager operator resume",
    login: "piri-manager operator invite",
    ls: "piri-manager operator list",
    new: "piri-manager operator add",
    revoke: "piri-manager operator revoke-token",
    rm: "piri-manager operator remove",
    rules: "piri-manager rule list",
    token: "piri-manager operator tokens",
    update: "piri-manager operator set",
  },
};
