import { PiriError } from "../../base/errors.ts";
import { defineSubcommand } from "../command.ts";
import { HintedError } from "../errors.ts";
import { ExitCode } from "../exit_code.ts";
import type { Terminal } from "../terminal.ts";
import { decodeLeniently } from "../utf8.ts";
import type { AgentServices } from "./services.ts";

/** `join TOKEN`: makes this host an agent. */
export const join = defineSubcommand({
  name: "join",
  summary: "join a Manager with a token; repeat it if it was interrupted",
  positionals: {
    token: {
      type: "optional",
      summary:
        'token from "piri-manager token create" or "agent add", or "-" to read it from stdin',
    },
  },
  flags: {
    name: {
      type: "string",
      value: "NAME",
      summary:
        "name to join under, if the token is for many hosts (default: the host's)",
    },
    "token-file": {
      type: "string",
      value: "FILE",
      summary:
        "file with the token: other users can see arguments, but not this file",
    },
  },
  examples: ["--token-file token", "- --name web-1"],
  async execute(
    { positionals, flags, dir, output, terminal },
    services: AgentServices,
  ) {
    const token = await readToken(
      positionals.token,
      flags["token-file"],
      terminal,
    );
    const joined = await services.join({
      dir,
      token,
      name: flags.name ?? "",
      waits: ({ name, fingerprint }) =>
        output.note(
          `waiting until somebody accepts this host: piri-manager agent accept ${name} --fingerprint ${fingerprint}`,
        ),
    });
    await output.either(
      { id: joined.name, address: joined.address },
      `joined as ${joined.name}, the Manager is at ${joined.address}`,
    );
    return ExitCode.ok;
  },
});

async function readToken(
  argument: string | undefined,
  path: string | undefined,
  terminal: Terminal,
): Promise<string> {
  if ((argument === undefined) === (path === undefined)) {
    throw new HintedError(
      "INVALID_ARGUMENT",
      "Cannot join: it takes either a token or --token-file",
      "piri-agent join --token-file FILE",
    );
  }
  const text = path !== undefined
    ? decodeLeniently(await terminal.readFile(path))
    : argument === "-"
    ? decodeLeniently(await terminal.readStdin())
    : argument ?? "";
  const token = text.trim();
  if (token !== "") return token;
  throw new PiriError("INVALID_ARGUMENT", "Cannot join: the token is empty");
}
