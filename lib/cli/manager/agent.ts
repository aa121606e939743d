import { defineSubcommand, type Group } from "../command.ts";
import { ExitCode } from "../exit_code.ts";
import { secretHashOf } from "./agent_secret.ts";
import type { ManagerServices } from "./services.ts";
import { userOf } from "./signature.ts";

const expires = {
  type: "duration",
  value: "TIME",
  summary: "how long the token is valid (default: 24h)",
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
      value: "FILE",
      summary:
        'file with the secret of a legacy agent (June 2024), which has no join token; "-" for stdin',
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
    if (secretHash === undefined) await output.either({ id, token }, token);
    else await output.either({ id, added: true });
    return ExitCode.ok;
  },
});

const remove = defineSubcommand({
  name: "remove",
  summary: "remove an agent; its open commands become lost",
  positionals: { name: { type: "one", summary: "name of the agent" } },
  flags: {},
  examples: ["web-1"],
  async execute(
    { positionals, dir, output, terminal },
    services: ManagerServices,
  ) {
    using control = await services.connect(dir);
    await control.agents.removeAgent({
      id: positionals.name,
      requestedBy: userOf(terminal),
    });
    await output.either({ id: positionals.name, removed: true });
    return ExitCode.ok;
  },
});

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
    using control = await services.connect(dir);
    const { token } = await control.agents.renewToken({
      id: positionals.name,
      requestedBy: userOf(terminal),
      ...expiryOf(flags.expires),
    });
    await output.either({ id: positionals.name, token }, token);
    return ExitCode.ok;
  },
});

/** `agent add|remove|token`: changes the entries of agents. */
export const agent: Group<ManagerServices> = {
  name: "agent",
  summary: "add or remove an agent, or give it a new join token",
  subcommands: [add, remove, token],
};

function expiryOf(ms: number | undefined): { expiresInMs?: bigint } {
  return ms === undefined ? {} : { expiresInMs: BigInt(ms) };
}
