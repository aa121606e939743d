import { COLOUR_FLAG } from "../colour.ts";
import { defineSubcommand } from "../command.ts";
import { EXIT_CODE_HELP, ExitCode, PRECEDENCE } from "../exit_code.ts";
import type { Terminal } from "../terminal.ts";
import { isPattern, withHint } from "./hints.ts";
import { launch, WHILE_IT_RUNS } from "./launch.ts";
import {
  disconnectOf,
  type ParsedRun,
  parseRun,
  variablesOf,
} from "./parse_run.ts";
import type { ManagerServices } from "./services.ts";
import { signatureOf } from "./signature.ts";
import { readTextFile } from "./text_file.ts";

/** `run web-1 -- uname -a`: runs an operation on agents and shows its output. */
export const run = defineSubcommand({
  name: "run",
  summary: "run a program or operation on agents and show its output",
  positionals: {
    agent: {
      type: "many",
      summary:
        "agent names, or patterns such as 'web-*' for connected agents; with --op also parameters: key=text or key:=JSON",
    },
  },
  rest: "<program> [arguments]",
  flags: {
    shell: {
      type: "string",
      value: "LINE",
      summary: "line for the shell of the host, instead of -- and a program",
    },
    op: {
      type: "string",
      value: "NAME",
      summary: 'operation to run ("piri-manager operations" lists them)',
    },
    timeout: {
      type: "duration",
      value: "TIME",
      summary: "end the command after it has run for this time: 90s, 1h30m",
    },
    detach: {
      type: "boolean",
      summary: "print the ids of the commands and do not wait",
    },
    raw: {
      type: "boolean",
      summary:
        "print the exact bytes and nothing else (default for one agent by its name if stdout is no terminal)",
    },
    color: COLOUR_FLAG,
    "on-disconnect": {
      type: "string",
      value: "WHAT",
      summary:
        "what the command does while its agent is disconnected: continue (default), kill, kill-after=60s",
    },
    cwd: {
      type: "string",
      value: "DIR",
      summary: "folder to start the program in",
    },
    env: {
      type: "repeated",
      value: "NAME=VALUE",
      summary: "environment variable for the program",
    },
    user: {
      type: "string",
      value: "USER",
      summary: "user that runs the program",
    },
    "stdin-file": {
      type: "string",
      value: "FILE",
      summary:
        'standard input of the program: a text file here, or "-" for stdin',
    },
  },
  more: [WHILE_IT_RUNS, {
    title: "Exit code (of several commands: the first that applies)",
    lines: [...PRECEDENCE, ExitCode.ok].flatMap((code) =>
      EXIT_CODE_HELP.filter(([number]) => number === String(code))
    ),
  }],
  examples: [
    "web-1 -- uname -a",
    "'web-*' db-1 --timeout 5m --shell 'apt-get update | tail -1'",
    "web-1 --op file.Fetch source=app.conf path=/etc/app.conf",
  ],
  async execute(invocation, services: ManagerServices) {
    const { flags, dir, terminal } = invocation;
    const parsed = parseRun({
      words: invocation.positionals.agent,
      program: invocation.rest,
      shell: flags.shell,
      op: flags.op,
      surroundings: {
        ...(flags.cwd === undefined ? {} : { cwd: flags.cwd }),
        ...(flags.env.length === 0 ? {} : { env: variablesOf(flags.env) }),
        ...(flags.user === undefined ? {} : { user: flags.user }),
        ...(flags["stdin-file"] === undefined ? {} : {
          stdin: await readTextFile(
            "stdin-file",
            flags["stdin-file"],
            terminal,
          ),
        }),
      },
    });
    const request = {
      ...requestOf(parsed, terminal),
      ...disconnectOf(flags["on-disconnect"]),
      ...(flags.timeout === undefined ? {} : { timeoutMs: flags.timeout }),
    };
    const connect = () => services.connect(dir);
    return await launch({
      start: async (control, { signal }) =>
        (await control.commands.run(request, { signal })).commands,
      explain: (answer) => withHint(answer, { parsed, connect }),
      timeoutMs: flags.timeout,
      // The form of the output is not to depend on how many agents a pattern happens to match.
      forMany: parsed.agents.length !== 1 || parsed.agents.some(isPattern),
    }, { ...invocation, connect });
  },
});

function requestOf(
  { agents, operation, params }: ParsedRun,
  terminal: Terminal,
) {
  return {
    agents: [...agents],
    operation,
    params: JSON.stringify(params),
    ...signatureOf(terminal),
  };
}
