import { PiriError } from "../../base/errors.ts";
import { defineSubcommand } from "../command.ts";
import { ExitCode } from "../exit_code.ts";
import { findOperator } from "./find_operator.ts";
import { kindOf, tokenJson } from "./operator_text.ts";
import type { ManagerServices } from "./services.ts";
import { userOf } from "./signature.ts";

/** `operator tokens`: lists what operators are logged in with. */
export const tokens = defineSubcommand({
  name: "tokens",
  summary: "list the logins of operators, and their last use",
  positionals: {
    name: {
      type: "optional",
      summary: "name of the operator (default: all)",
    },
  },
  flags: {},
  examples: ["", "alice"],
  async execute(
    { positionals: { name }, dir, output },
    services: ManagerServices,
  ) {
    using control = await services.connect(dir);
    const operators = name === undefined
      ? (await control.operators.listOperators({})).operators
      : [await findOperator(control, name)];
    const rows = operators.flatMap((operator) =>
      operator.tokens.map((token) => ({ operator: operator.name, token }))
    );
    await output.list(rows, {
      json: ({ operator, token }) => ({ operator, ...tokenJson(token) }),
      columns: {
        ID: ({ token }) => String(token.id),
        OPERATOR: ({ operator }) => operator,
        KIND: ({ token }) => kindOf(token),
        CREATED: ({ token }) => output.time(token.createdAtMs),
        UNTIL: ({ token }) => output.fullTime(token.expiresAtMs),
        "LAST USE": ({ token }) => output.time(token.usedAtMs),
        FROM: ({ token }) => token.usedFrom,
        RUN: ({ token }) => token.run,
        "GOOD FROM": ({ token }) => token.cidrs.join(", "),
      },
    });
    return ExitCode.ok;
  },
});

/** `operator revoke-token`: ends one login. */
export const revokeToken = defineSubcommand({
  name: "revoke-token",
  summary: "end one login, or make a code worthless",
  positionals: {
    id: {
      type: "one",
      summary: "its id, as piri-manager operator tokens has it",
    },
  },
  flags: {},
  examples: ["3"],
  async execute(
    { positionals: { id }, dir, output, terminal },
    services: ManagerServices,
  ) {
    if (!/^\d{1,15}$/.test(id)) {
      throw new PiriError(
        "INVALID_ARGUMENT",
        `Cannot revoke token "${id}": its id is a number, as 3`,
      );
    }
    using control = await services.connect(dir);
    await control.operators.revokeToken({
      tokenId: BigInt(id),
      requestedBy: userOf(terminal),
    });
    await output.either(
      { id, revoked: true },
      `revoked token ${id}: what it had open ends`,
    );
    return ExitCode.ok;
  },
});
