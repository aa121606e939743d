import { PiriError } from "../../base/errors.ts";
import { defineSubcommand, type Group, type Subcommand } from "../command.ts";
import { ExitCode } from "../exit_code.ts";
import { withOperatorHint } from "./find_operator.ts";
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
import { list, show } from "./operator_view.ts";
import type { ManagerServices } from "./services.ts";
import { userOf } from "./signature.ts";

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
