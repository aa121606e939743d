import { defineSubcommand, type Group } from "../command.ts";
import { ExitCode } from "../exit_code.ts";
import { secretHashOf } from "./agent_secret.ts";
import type { ManagerServices } from "./services.ts";

const expires = {
  type: "duration",
  value: "TIME",
  summary: "how long the token is good (24h if absent)",
} as const;

const add = defineSubcommand({
  name: "add",
  summary: "make an entry for an agent, and print the token it joins with",
  positionals: { name: { type: "one", summary: "the agent's name" } },
  flags: {
    group: { type: "repeated", value: "NAME", summary: "a group it is in" },
    cidr: {
      type: "repeated",
      value: "NETWORK",
      summary: "a network it may connect from (any if absent)",
    },
    expires,
    "secret-file": {
      type: "string",
      value: "FILE",
      summary:
        'a file with the secret of an agent of 2024, which knows no token; "-" for stdin',
    },
    "secret-hash": {
      type: "string",
      value: "HEX",
      summary: "the same by the secret's SHA-256",
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
  summary: "take an agent away; what runs on it is lost",
  positionals: { name: { type: "one", summary: "the agent's name" } },
  flags: {},
  examples: ["web-1"],
  async execute({ positionals, dir, output }, services: ManagerServices) {
    using control = await services.connect(dir);
    await control.agents.removeAgent({ id: positionals.name });
    await output.either({ id: positionals.name, removed: true });
    return ExitCode.ok;
  },
});

const token = defineSubcommand({
  name: "token",
  summary: "print a new token for an agent whose host was installed anew",
  positionals: { name: { type: "one", summary: "the agent's name" } },
  flags: { expires },
  examples: ["web-1"],
  async execute(
    { positionals, flags, dir, output },
    services: ManagerServices,
  ) {
    using control = await services.connect(dir);
    const { token } = await control.agents.renewToken({
      id: positionals.name,
      ...expiryOf(flags.expires),
    });
    await output.either({ id: positionals.name, token }, token);
    return ExitCode.ok;
  },
});

/** `agent add|remove|token`: changes the entries of agents. */
export const agent: Group<ManagerServices> = {
  name: "agent",
  summary: "add an agent, take it away, or give it a new token",
  subcommands: [add, remove, token],
};

function expiryOf(ms: number | undefined): { expiresInMs?: bigint } {
  return ms === undefined ? {} : { expiresInMs: BigInt(ms) };
}
