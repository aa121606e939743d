import { defineSubcommand, type Group } from "../command.ts";
import { codeOf, messageOf } from "../../base/errors.ts";
import { ExitCode } from "../exit_code.ts";
import { HintedError } from "../errors.ts";
import type { Output } from "../output.ts";
import { oneLine } from "../text.ts";
import { withAgentHint } from "./hints.ts";
import { secretHashOf } from "./agent_secret.ts";
import { accept, pending, reject, revoke } from "./agent_enrolment.ts";
import { agentInstall } from "./agent_install.ts";
import { agentRename } from "./agent_rename.ts";
import { restart } from "./agent_restart.ts";
import { rotate } from "./agent_rotate.ts";
import { agentSet } from "./agent_set.ts";
import { commandJson } from "./json.ts";
import { printOnce } from "./print_once.ts";
import type { ManagerServices } from "./services.ts";
import { userOf } from "./signature.ts";
import { outcomeText } from "./states.ts";

const expires = {
  type: "duration",
  value: "TIME",
  summary: "how long the token is valid, at most 3650d (default: 24h)",
  most: 3_650 * 86_400_000,
} as const;

const add = defineSubcommand({
  name: "add",
  summary: "add an agent and print its join token",
  positionals: { name: { type: "one", summary: "name of the agent" } },
  flags: {
    group: { type: "repeated", value: "NAME", summary: "group of the agent" },
    cidr: {
      type: "repeated",
      value: "NETWORK",
      summary: "network that the agent may connect from (default: any)",
    },
    expires,
    "secret-file": {
      type: "string",
      apart: ["secret-hash"],
      value: "FILE",
      summary:
        'file with the secret of a legacy agent (of 2024), which has no join token; "-" for stdin',
    },
    "secret-hash": {
      type: "string",
      value: "HEX",
      summary: "SHA-256 of that secret, instead of the secret itself",
    },
  },
  examples: [
    "web-1 --group web --cidr 10.0.0.0/8",
    "web-1 > token",
    "old-1 --secret-file old-1.secret",
  ],
  async execute(
    { positionals, flags, dir, output, terminal },
    services: ManagerServices,
  ) {
    const id = positionals.name;
    const secretHash = await secretHashOf(flags, terminal);
    using control = await services.connect(dir);
    const { token } = await control.agents.addAgent({
      id,
      groups: [...flags.group],
      cidrs: [...flags.cidr],
      requestedBy: userOf(terminal),
      ...expiryOf(flags.expires),
      ...secretHash === undefined ? {} : { secretHash },
    });
    if (secretHash === undefined) await printToken({ id, token }, output);
    else await output.either({ id, added: true });
    return ExitCode.ok;
  },
});

const remove = defineSubcommand({
  name: "remove",
  summary: "remove an agent without open commands, and tell it",
  positionals: { name: { type: "one", summary: "name of the agent" } },
  flags: {
    force: {
      type: "boolean",
      summary:
        "cancel its open commands first and wait up to 30 s for their ends; the others are lost",
    },
  },
  examples: ["web-1", "web-1 --force"],
  async execute(
    { positionals, flags, dir, output, terminal },
    services: ManagerServices,
  ) {
    const id = positionals.name;
    using control = await services.connect(dir);
    const { commands, told } = await withAgentHint(
      explained(
        control.agents.removeAgent({
          id,
          force: flags.force,
          requestedBy: userOf(terminal),
        }),
        id,
      ),
      id,
      control,
    );
    await output.either(
      { id, removed: true, told, commands: commands.map(commandJson) },
      ...commands.map((command) =>
        oneLine(`command ${command.id}: ${outcomeText(command)}`)
      ),
      `removed agent "${id}": ${
        told ? "it was told" : "it is away, and is told when it dials"
      }`,
    );
    return ExitCode.ok;
  },
});

/** Adds the way to remove an agent all the same, if it is refused. */
async function explained<T>(answer: Promise<T>, id: string): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    if (codeOf(error) !== "REFUSED") throw error;
    throw new HintedError(
      "REFUSED",
      messageOf(error),
      `piri-manager watch ID, piri-manager cancel ID, or piri-manager agent remove ${id} --force`,
      { cause: error },
    );
  }
}

const token = defineSubcommand({
  name: "token",
  summary: "print a new join token for a reinstalled host",
  positionals: { name: { type: "one", summary: "name of the agent" } },
  flags: { expires },
  examples: ["web-1"],
  async execute(
    { positionals, flags, dir, output, terminal },
    services: ManagerServices,
  ) {
    const id = positionals.name;
    using control = await services.connect(dir);
    const { token } = await withAgentHint(
      control.agents.renewToken({
        id,
        requestedBy: userOf(terminal),
        ...expiryOf(flags.expires),
      }),
      id,
      control,
    );
    await printToken({ id, token }, output);
    return ExitCode.ok;
  },
});

/** `agent add|install|set|rename|remove|token|pending|accept|reject|revoke|rotate|restart`: changes the entries of agents. */
export const agent: Group<ManagerServices> = {
  name: "agent",
  summary: "add, install, change, restart, revoke or remove agents",
  subcommands: [
    add,
    agentInstall,
    agentSet,
    agentRename,
    remove,
    token,
    pending,
    accept,
    reject,
    revoke,
    rotate,
    restart,
  ],
  synonyms: {
    approve: "piri-manager agent accept",
    block: "piri-manager agent revoke",
    create: "piri-manager agent add",
    del: "piri-manager agent remove",
    delete: "piri-manager agent remove",
    deny: "piri-manager agent reject",
    edit: "piri-manager agent set",
    group: "piri-manager agent set --group",
    join: "piri-manager agent add",
    key: "piri-manager agent rotate",
    label: "piri-manager agent set --fact",
    list: "piri-manager agents",
    ls: "piri-manager agents",
    mv: "piri-manager agent rename",
    new: "piri-manager agent add",
    register: "piri-manager agent add",
    renew: "piri-manager agent token",
    retire: "piri-manager agent set --retired",
    rm: "piri-manager agent remove",
    show: "piri-manager agents",
    status: "piri-manager agents",
    tag: "piri-manager agent set --fact",
    update: "piri-manager agent set",
  },
};

/** Prints a token, which nobody can see again. */
async function printToken(
  made: { readonly id: string; readonly token: string },
  output: Output,
): Promise<void> {
  await printOnce(output, {
    value: made,
    line: made.token,
    what: `the join token of "${made.id}"`,
    again: `piri-manager agent token ${made.id}`,
  });
}

function expiryOf(ms: number | undefined): { expiresInMs?: bigint } {
  return ms === undefined ? {} : { expiresInMs: BigInt(ms) };
}
