import type { OperatorToken } from "../../../proto/gen/piri/control/v1/control_pb.ts";
import { ROLES } from "../../base/role.ts";
import { PiriError } from "../../base/errors.ts";
import { defineSubcommand, type Group, type Subcommand } from "../command.ts";
import { HintedError } from "../errors.ts";
import { ExitCode } from "../exit_code.ts";
import type { Output } from "../output.ts";
import { OutputLost } from "../terminal.ts";
import { findOperator, withOperatorHint } from "./find_operator.ts";
import { operatorJson } from "./operator_text.ts";
import { revokeToken, tokens } from "./operator_tokens.ts";
import { RULE_LISTING } from "./rule_text.ts";
import type { ManagerServices } from "./services.ts";
import { userOf } from "./signature.ts";

const NAME = {
  name: { type: "one", summary: "name of the operator" },
} as const;

const ROLE = {
  type: "choice",
  choices: ROLES,
  summary: "what the operator may do (below)",
  synonyms: { read: "viewer", user: "operator", administrator: "admin" },
} as const;

const ROLE_HELP = {
  title: "Roles",
  lines: [
    ["viewer", "sees agents, commands, output and events"],
    ["operator", "acts on agents, too, as far as rules allow: rule add"],
    ["admin", "changes agents, operators and rules, too; no one's own rights"],
  ],
} as const;

const expires = {
  type: "duration",
  value: "TIME",
  summary: "how long a login lasts, at most 3650d (default: 30d)",
  most: 3_650 * 86_400_000,
} as const;

const cidr = {
  type: "repeated",
  value: "NETWORK",
  summary:
    "network that the login is good from, as 10.0.0.0/8 or 2001:db8::/32 (default: any)",
} as const;

const see = {
  type: "string",
  value: "TARGETS",
  summary:
    "target expression of the agents that it sees, with their commands, output, events and jobs: @web (default: all; all ends a bound)",
} as const;

const add = defineSubcommand({
  name: "add",
  summary: "add an operator and print the line to log in with",
  positionals: NAME,
  flags: { role: ROLE, expires, cidr, see },
  more: [ROLE_HELP],
  examples: [
    "alice --role operator",
    "bob --role viewer --expires 7d --see @web",
    "deploy --role operator --cidr 10.1.0.0/16",
  ],
  async execute(
    { positionals, flags, dir, output, terminal },
    services: ManagerServices,
  ) {
    const { name } = positionals;
    const { role } = flags;
    if (role === undefined) {
      throw new HintedError(
        "INVALID_ARGUMENT",
        'Cannot add an operator: "--role" is missing',
        `it is one of ${ROLES.join(", ")}`,
      );
    }
    using control = await services.connect(dir);
    const { login } = await control.operators.addOperator({
      name,
      role,
      requestedBy: userOf(terminal),
      ...expiryOf(flags.expires),
      cidrs: [...flags.cidr],
      see: flags.see === undefined ? "" : seeOf(flags.see),
    });
    await printLogin({ name, login }, output);
    if (role === "operator") {
      await output.note(
        `${name} may only look so far; as an example: piri-manager rule add ${name} allow --on @web --do command.Run`,
      );
    }
    return ExitCode.ok;
  },
});

const invite = defineSubcommand({
  name: "invite",
  summary: "print another line to log in with",
  positionals: NAME,
  flags: { expires, cidr },
  examples: ["alice", "alice --cidr 192.0.2.0/24"],
  async execute(
    { positionals: { name }, flags, dir, output, terminal },
    services: ManagerServices,
  ) {
    using control = await services.connect(dir);
    const { login } = await withOperatorHint(
      control.operators.inviteOperator({
        name,
        requestedBy: userOf(terminal),
        ...expiryOf(flags.expires),
        cidrs: [...flags.cidr],
      }),
      name,
      control,
    );
    await printLogin({ name, login }, output);
    return ExitCode.ok;
  },
});

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

/** Bound of what an operator sees: none for all. */
function seeOf(expression: string): string {
  return expression.trim() === "all" ? "" : expression;
}

/** Prints a login line, which nobody can see again. */
async function printLogin(
  { name, login }: { readonly name: string; readonly login: string },
  output: Output,
): Promise<void> {
  try {
    await output.either({ name, login }, `piri-manager login ${login}`);
  } catch (error) {
    if (!(error instanceof OutputLost)) throw error;
    throw new HintedError(
      "DISK",
      `Cannot print the login line of "${name}": ${error.fact}`,
      `piri-manager operator invite ${name}`,
      { cause: error },
    );
  }
  await output.note("a secret, good once and for 10 minutes");
}

function expiryOf(ms: number | undefined): { tokenExpiresInMs?: bigint } {
  return ms === undefined ? {} : { tokenExpiresInMs: BigInt(ms) };
}
