import { PiriError } from "../../base/errors.ts";
import { defineSubcommand, type Group } from "../command.ts";
import { ExitCode } from "../exit_code.ts";
import type { Output } from "../output.ts";
import { operatorJson, printOperator } from "./operator_text.ts";
import type { Control, ManagerServices } from "./services.ts";
import { userOf } from "./signature.ts";

const NAME = {
  name: { type: "one", summary: "name of the operator" },
} as const;

const role = {
  type: "string",
  value: "ROLE",
  summary:
    "viewer: sees everything; operator: runs what rules allow, too; admin: changes agents, operators and rules, too",
} as const;

const expires = {
  type: "duration",
  value: "TIME",
  summary: "how long a login is good, at most 3650d (default: 30d)",
  most: 3_650 * 86_400_000,
} as const;

const add = defineSubcommand({
  name: "add",
  summary: "add an operator and print the line to log in with",
  positionals: NAME,
  flags: { role, expires },
  examples: [
    "alice --role operator",
    "ci --role operator --expires 90d",
    "vera --role viewer",
  ],
  async execute(
    { positionals: { name }, flags, dir, output, terminal },
    services: ManagerServices,
  ) {
    if (flags.role === undefined) {
      throw new PiriError(
        "INVALID_ARGUMENT",
        `Cannot add operator "${name}": --role should be viewer, operator or admin`,
      );
    }
    using control = await services.connect(dir);
    const { login } = await control.operators.addOperator({
      name,
      role: flags.role,
      requestedBy: userOf(terminal),
      ...expiryOf(flags.expires),
    });
    await printLogin({ name, login }, output);
    if (flags.role !== "viewer") {
      await output.note(
        `"${name}" may run nothing yet: piri-manager rule add ${name} allow --on TARGETS --do OPERATIONS`,
      );
    }
    return ExitCode.ok;
  },
});

const invite = defineSubcommand({
  name: "invite",
  summary: "print another line to log in with",
  positionals: NAME,
  flags: { expires },
  examples: ["alice"],
  async execute(
    { positionals: { name }, flags, dir, output, terminal },
    services: ManagerServices,
  ) {
    using control = await services.connect(dir);
    const { login } = await control.operators.inviteOperator({
      name,
      requestedBy: userOf(terminal),
      ...expiryOf(flags.expires),
    });
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
        ROLE: ({ role, suspended }) => suspended ? `${role}, suspended` : role,
        RULES: ({ rules }) => String(rules.length),
        LOGINS: ({ tokens }) =>
          String(tokens.filter(({ isCode }) => !isCode).length),
        "LAST SEEN": ({ tokens }) =>
          output.time(
            tokens.flatMap(({ usedAtMs }) => usedAtMs ?? [])
              .reduce<bigint | undefined>(
                (last, at) => last === undefined || at > last ? at : last,
                undefined,
              ),
          ),
      },
    });
    return ExitCode.ok;
  },
});

const show = defineSubcommand({
  name: "show",
  summary: "show an operator with rules and logins",
  positionals: NAME,
  flags: {},
  examples: ["alice"],
  async execute(
    { positionals: { name }, dir, output, json },
    services: ManagerServices,
  ) {
    using control = await services.connect(dir);
    const found = await findOperator(name, control);
    if (json) await output.value(operatorJson(found));
    else await printOperator(found, output);
    return ExitCode.ok;
  },
});

const set = defineSubcommand({
  name: "set",
  summary: "give an operator another role",
  positionals: NAME,
  flags: { role },
  examples: ["alice --role admin"],
  async execute(
    { positionals: { name }, flags, dir, output, terminal },
    services: ManagerServices,
  ) {
    if (flags.role === undefined) {
      throw new PiriError(
        "INVALID_ARGUMENT",
        `Cannot change operator "${name}": --role should be viewer, operator or admin`,
      );
    }
    return await change({ name, role: flags.role }, { dir, output }, {
      services,
      requestedBy: userOf(terminal),
      said: `operator "${name}" is ${flags.role} now`,
    });
  },
});

const suspend = defineSubcommand({
  name: "suspend",
  summary: "refuse an operator for now; open streams end",
  positionals: NAME,
  flags: {},
  examples: ["alice"],
  execute: (
    { positionals: { name }, dir, output, terminal },
    services: ManagerServices,
  ) =>
    change({ name, suspended: true }, { dir, output }, {
      services,
      requestedBy: userOf(terminal),
      said: `suspended operator "${name}"`,
    }),
});

const resume = defineSubcommand({
  name: "resume",
  summary: "let a suspended operator in again",
  positionals: NAME,
  flags: {},
  examples: ["alice"],
  execute: (
    { positionals: { name }, dir, output, terminal },
    services: ManagerServices,
  ) =>
    change({ name, suspended: false }, { dir, output }, {
      services,
      requestedBy: userOf(terminal),
      said: `operator "${name}" may log in again`,
    }),
});

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
    const requestedBy = userOf(terminal);
    await control.operators.removeOperator({ name, requestedBy });
    await output.either(
      { name, removed: true },
      `removed operator "${name}"`,
    );
    return ExitCode.ok;
  },
});

const revoke = defineSubcommand({
  name: "revoke",
  summary: "end one login of an operator, by its number",
  positionals: {
    id: {
      type: "one",
      summary: 'number of the token, from "piri-manager operator show NAME"',
    },
  },
  flags: {},
  examples: ["5"],
  async execute(
    { positionals: { id }, dir, output, terminal },
    services: ManagerServices,
  ) {
    if (!/^[0-9]{1,15}$/.test(id)) {
      throw new PiriError(
        "INVALID_ARGUMENT",
        `Cannot revoke "${id}": it is not the number of a token`,
      );
    }
    using control = await services.connect(dir);
    await control.operators.revokeToken({
      tokenId: BigInt(id),
      requestedBy: userOf(terminal),
    });
    await output.either(
      { id: Number(id), revoked: true },
      `revoked token ${id}`,
    );
    return ExitCode.ok;
  },
});

/** `operator add|list|...`: people and programs that ask from other machines. */
export const operator: Group<ManagerServices> = {
  name: "operator",
  summary: "say who may ask from other machines",
  subcommands: [
    add,
    list,
    show,
    set,
    suspend,
    resume,
    invite,
    revoke,
    remove,
  ],
  synonyms: {
    create: "piri-manager operator add",
    delete: "piri-manager operator remove",
    disable: "piri-manager operator suspend",
    enable: "piri-manager operator resume",
    ls: "piri-manager operator list",
    new: "piri-manager operator add",
    rm: "piri-manager operator remove",
    token: "piri-manager operator show",
    tokens: "piri-manager operator show",
  },
};

async function change(
  changed: { name: string; role?: string; suspended?: boolean },
  { dir, output }: { dir: string; output: Output },
  { services, requestedBy, said }: {
    services: ManagerServices;
    requestedBy: string;
    said: string;
  },
): Promise<number> {
  using control = await services.connect(dir);
  const { operator } = await control.operators.setOperator({
    ...changed,
    requestedBy,
  });
  const value = operator === undefined ? null : operatorJson(operator);
  await output.either(value, said);
  return ExitCode.ok;
}

/** @throws {PiriError} NOT_FOUND */
export async function findOperator(name: string, control: Control) {
  const { operators } = await control.operators.listOperators({});
  const found = operators.find((each) => each.name === name);
  if (found !== undefined) return found;
  throw new PiriError("NOT_FOUND", `Cannot find operator "${name}"`);
}

async function printLogin(
  { name, login }: { name: string; login: string },
  output: Output,
): Promise<void> {
  await output.note(
    `for "${name}", good once and for 10 minutes; on the other machine:`,
  );
  await output.either({ name, login }, `piri-manager login ${login}`);
}

function expiryOf(
  ms: number | undefined,
): { tokenExpiresInMs?: bigint } {
  return ms === undefined ? {} : { tokenExpiresInMs: BigInt(ms) };
}
