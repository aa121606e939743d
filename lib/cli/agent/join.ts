import { PiriError } from "../../base/errors.ts";
import { defineSubcommand } from "../command.ts";
import { HintedError } from "../errors.ts";
import { ExitCode } from "../exit_code.ts";
import type { Output } from "../output.ts";
import { stepLine } from "../service_text.ts";
import type { ServiceActs } from "../service_acts.ts";
import type { Terminal } from "../terminal.ts";
import { decodeLeniently } from "../utf8.ts";
import type { AgentServices, Joined } from "./services.ts";

/** Environment variable with a join token, which other users cannot see, as they can see arguments. */
const TOKEN_VARIABLE = "PIRI_JOIN_TOKEN";

/** Longest time that `join --service` waits for the connection of the service, in milliseconds. */
const CONNECTED_MS = 30_000;

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
        'file with the token, or "-" for stdin: other users can see arguments, but not this file',
    },
    service: {
      type: "boolean",
      summary:
        "make the agent a service of this host, start it, and wait until it is connected",
    },
    replace: {
      type: "boolean",
      summary: "give up the identity that this host has already",
    },
  },
  more: [{
    title: "Environment",
    lines: [[TOKEN_VARIABLE, "the token, if none is given"]],
  }],
  examples: ["--token-file token", "- --name web-1", "--service TOKEN"],
  async execute(
    { positionals, flags, dir, output, terminal },
    services: AgentServices,
  ) {
    const token = await readToken(
      positionals.token,
      flags["token-file"],
      terminal,
    );
    const join = () =>
      services.join({
        dir,
        token,
        name: flags.name ?? "",
        replace: flags.replace,
        waits: ({ name, fingerprint }) =>
          output.note(
            `waiting until somebody accepts this host: piri-manager agent accept ${name} --fingerprint ${fingerprint}`,
          ),
      });
    if (flags.service) {
      return await joinAsService({
        acts: await services.service(),
        joined: await services.joinedBy({ dir, token }),
        join,
        dir,
        replace: flags.replace,
        output,
      });
    }
    const joined = await join();
    await output.either(
      { id: joined.name, address: joined.address },
      joinedLine(joined),
    );
    return ExitCode.ok;
  },
});

/** Copies the program to its place, joins, installs and starts the service, and waits until it is connected. */
async function joinAsService({ acts, joined, join, dir, replace, output }: {
  readonly acts: ServiceActs;
  /** Set if the host has joined by this token. */
  readonly joined: Joined | undefined;
  readonly join: () => Promise<Joined>;
  readonly dir: string;
  readonly replace: boolean;
  readonly output: Output;
}): Promise<ExitCode> {
  const steps = [...await acts.copyProgram()];
  for (const step of steps) await output.note(stepLine(step));
  if (joined === undefined && replace) {
    const { running } = await acts.status(dir);
    // An agent that runs keeps its identity from being replaced.
    if (running) steps.push(...(await acts.stop()).steps);
  }
  const { name } = joined ?? await join();
  const { steps: installed } = await acts.install({ dir, isCopied: true });
  const { steps: started, hints } = await acts.start();
  for (const step of [...installed, ...started]) {
    await output.note(stepLine(step));
  }
  for (const hint of hints) await output.note(hint);
  const address = await acts.waitUntilConnected(dir, CONNECTED_MS);
  await output.either(
    { id: name, address, service: true, connected: true },
    joinedLine({ name, address }),
    "it runs as a service and is connected",
  );
  return ExitCode.ok;
}

function joinedLine({ name, address }: Joined): string {
  return `joined as ${name}, the Manager is at ${address}`;
}

async function readToken(
  argument: string | undefined,
  path: string | undefined,
  terminal: Terminal,
): Promise<string> {
  const text = await tokenText(argument, path, terminal);
  const token = text.trim();
  if (token !== "") return token;
  throw new PiriError("INVALID_ARGUMENT", "Cannot join: the token is empty");
}

async function tokenText(
  argument: string | undefined,
  path: string | undefined,
  terminal: Terminal,
): Promise<string> {
  const given = [argument, path].filter((each) => each !== undefined);
  const named = terminal.env(TOKEN_VARIABLE) ?? "";
  if (given.length === 0 && named !== "") return named;
  if (given.length !== 1) {
    throw new HintedError(
      "INVALID_ARGUMENT",
      "Cannot join: it takes either a token or --token-file",
      "piri-agent join --token-file FILE",
    );
  }
  if (given[0] === "-") return decodeLeniently(await terminal.readStdin());
  return path === undefined
    ? argument ?? ""
    : decodeLeniently(await terminal.readFile(path));
}
