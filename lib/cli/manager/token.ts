import type { JoinToken } from "../../../proto/gen/piri/control/v1/control_messages.ts";
import { PiriError } from "../../base/errors.ts";
import { defineSubcommand, type Group } from "../command.ts";
import { ExitCode } from "../exit_code.ts";
import { time } from "./json_values.ts";
import { printOnce } from "./print_once.ts";
import type { ManagerServices } from "./services.ts";
import { userOf } from "./signature.ts";

const create = defineSubcommand({
  name: "create",
  summary: "make a token by which hosts join, and print it",
  positionals: {},
  flags: {
    uses: {
      type: "number",
      value: "COUNT",
      summary: "agents that may join by it (default: 1)",
      least: 1,
      most: 100_000,
    },
    expires: {
      type: "duration",
      value: "TIME",
      summary: "how long hosts may join by it, at most 3650d (default: 24h)",
      most: 3_650 * 86_400_000,
    },
    group: { type: "repeated", value: "NAME", summary: "group of its agents" },
    name: {
      type: "string",
      value: "PATTERN",
      summary:
        "pattern of the names that it is for, as 'web-*' (default: any name that nobody had, and that no rule, secret, data or state is for)",
    },
    cidr: {
      type: "repeated",
      value: "NETWORK",
      summary:
        "network that its agents may join and connect from (default: any)",
    },
    approve: {
      type: "boolean",
      summary: "let each host wait until somebody accepts it",
    },
  },
  examples: [
    "--uses 50 --group web --name 'web-*'",
    "--approve --uses 10 --cidr 10.0.0.0/8",
  ],
  async execute({ flags, dir, output, terminal }, services: ManagerServices) {
    using control = await services.connect(dir);
    const { id, token } = await control.enrolment.createToken({
      groups: [...flags.group],
      cidrs: [...flags.cidr],
      name: flags.name ?? "",
      approve: flags.approve,
      requestedBy: userOf(terminal),
      ...flags.uses === undefined ? {} : { uses: BigInt(flags.uses) },
      ...flags.expires === undefined
        ? {}
        : { expiresInMs: BigInt(flags.expires) },
    });
    await printOnce(output, {
      value: { id: Number(id), token },
      line: token,
      what: `the join token ${id}`,
      again: `piri-manager token revoke ${id}, and make another one`,
    });
    return ExitCode.ok;
  },
});

const list = defineSubcommand({
  name: "list",
  summary: "list the join tokens and how often they were used",
  positionals: {},
  flags: {},
  examples: ["", "--json"],
  async execute({ dir, output, terminal }, services: ManagerServices) {
    using control = await services.connect(dir);
    const { tokens } = await control.enrolment.listTokens({});
    const now = terminal.clock.now();
    await output.list(tokens, {
      json: (token) => tokenJson(token, now),
      columns: {
        ID: ({ id }) => String(id),
        STATE: (token) => stateOf(token, now),
        USED: ({ used, uses }) => `${used} of ${uses}`,
        UNTIL: ({ expiresAtMs }) => output.fullTime(expiresAtMs),
        NAMES: ({ name }) => name === "" ? "any" : name,
        GROUPS: ({ groups }) => groups.join(" "),
        NETWORKS: ({ cidrs }) => cidrs.join(" "),
        BY: ({ createdBy }) => createdBy,
      },
    });
    return ExitCode.ok;
  },
});

const revoke = defineSubcommand({
  name: "revoke",
  summary: "revoke a join token; its agents stay",
  positionals: {
    id: { type: "one", summary: "its id, as piri-manager token list has it" },
  },
  flags: {},
  examples: ["3"],
  async execute(
    { positionals: { id }, dir, output, terminal },
    services: ManagerServices,
  ) {
    if (!/^[1-9]\d{0,14}$/.test(id)) {
      throw new PiriError(
        "INVALID_ARGUMENT",
        `Cannot revoke the join token "${id}": its id is a number, as 3`,
      );
    }
    using control = await services.connect(dir);
    await control.enrolment.revokeJoinToken({
      id: BigInt(id),
      requestedBy: userOf(terminal),
    });
    await output.either(
      { id: Number(id), revoked: true },
      `revoked the join token ${id}: nobody joins by it any more`,
    );
    return ExitCode.ok;
  },
});

/** `token create|list|revoke`: tokens by which hosts join. */
export const token: Group<ManagerServices> = {
  name: "token",
  summary: "make, list or revoke tokens by which hosts join",
  subcommands: [create, list, revoke],
  synonyms: {
    add: "piri-manager token create",
    delete: "piri-manager token revoke",
    ls: "piri-manager token list",
    make: "piri-manager token create",
    new: "piri-manager token create",
    remove: "piri-manager token revoke",
    rm: "piri-manager token revoke",
    show: "piri-manager token list",
  },
};

/** State of a token in one or two words. */
function stateOf(
  { used, uses, expiresAtMs, revokedAtMs, approve }: JoinToken,
  now: number,
): string {
  if (revokedAtMs !== undefined) return "revoked";
  if (used >= uses) return "used up";
  if (Number(expiresAtMs) <= now) return "expired";
  return approve ? "good, to accept" : "good";
}

function tokenJson(token: JoinToken, now: number): Record<string, unknown> {
  return {
    id: Number(token.id),
    state: stateOf({ ...token, approve: false }, now),
    approve: token.approve,
    uses: Number(token.uses),
    used: Number(token.used),
    name: token.name,
    groups: token.groups,
    cidrs: token.cidrs,
    createdBy: token.createdBy,
    createdAt: time(token.createdAtMs),
    expiresAt: time(token.expiresAtMs),
    revokedAt: time(token.revokedAtMs),
  };
}
