import { PiriError } from "../../base/errors.ts";
import { COLOUR_FLAG } from "../colour.ts";
import { defineSubcommand } from "../command.ts";
import { ExitError, HintedError } from "../errors.ts";
import {
  EXIT_CODE_HELP,
  ExitCode,
  NO_PROGRAM_CODE,
  PRECEDENCE,
} from "../exit_code.ts";
import type { Terminal } from "../terminal.ts";
import { namesOne, withHint } from "./hints.ts";
import { parseEnvFile } from "./env_file.ts";
import { INPUT_FLAGS, inputParams, inputPath } from "./input.ts";
import { launch, WHILE_IT_RUNS } from "./launch.ts";
import {
  disconnectOf,
  type ParsedRun,
  parseRun,
  umaskOf,
  userOf,
  variablesOf,
} from "./parse_run.ts";
import { paramsText } from "./request_size.ts";
import type { ManagerServices } from "./services.ts";
import { signatureOf } from "./signature.ts";
import { programExitCode } from "./states.ts";
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
    "exit-code": {
      type: "boolean",
      summary:
        "exit with the code of the program, and with 255 if it has none (one agent)",
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
    "env-file": {
      type: "repeated",
      value: "FILE",
      summary:
        'environment variables for the program: a file here with lines NAME=VALUE, or "-" for stdin; --env counts more',
    },
    user: {
      type: "string",
      value: "USER[:GROUP]",
      summary:
        "user that runs the program, with all groups of a login; the group is the user's own by default",
    },
    umask: {
      type: "string",
      value: "MASK",
      summary: "mask of files that the program makes: 027; 022 by default",
    },
    ...INPUT_FLAGS,
  },
  hints: {
    group: "for the group that the program runs as: --user USER:GROUP",
    limit: "--timeout TIME limits the time; name the agents to limit these",
    output: "the output is shown; > FILE keeps it, and --json prints JSON",
    parallel: "all agents run it at once",
  },
  more: [WHILE_IT_RUNS, {
    title: "Exit code (of several commands: the first that applies)",
    lines: [...PRECEDENCE, ExitCode.ok, ExitCode.left].flatMap((code) =>
      EXIT_CODE_HELP.filter(([number]) => number === String(code))
    ),
  }],
  examples: [
    "web-1 -- uname -a",
    "'web-*' db-1 --timeout 5m --shell 'apt-get update | tail -1'",
    "web-1 --op file.Fetch source=app.conf path=/etc/app.conf",
    "web-1 --exit-code -- grep -q ready /var/log/app.log",
  ],
  async execute(invocation, services: ManagerServices) {
    const { flags, dir, terminal } = invocation;
    const input = inputPath(flags, flags.op);
    const typed = parseRun({
      words: invocation.positionals.agent,
      program: invocation.rest,
      shell: flags.shell,
      op: flags.op,
      surroundings: await surroundingsOf(flags, { input, terminal }),
    });
    const connect = () => services.connect(dir);
    const given = await inputParams(input, { connect, terminal });
    const parsed = { ...typed, params: { ...typed.params, ...given } };
    const request = {
      ...requestOf(parsed, terminal),
      ...disconnectOf(flags["on-disconnect"]),
      ...(flags.timeout === undefined ? {} : { timeoutMs: flags.timeout }),
    };
    const isOne = namesOne(parsed.agents);
    if (flags["exit-code"]) requireOne(isOne, flags);
    const launched = launch({
      start: async (control, { signal }) =>
        (await control.commands.run(request, { signal })).commands,
      explain: (answer) => withHint(answer, { parsed, connect }),
      timeoutMs: flags.timeout,
      many: !isOne,
      ...(flags["exit-code"]
        ? { exitCodeOf: (ended) => Math.max(...ended.map(programExitCode)) }
        : {}),
    }, { ...invocation, connect });
    return await (flags["exit-code"] ? orNoProgram(launched) : launched);
  },
});

/** Parameters of the operation that runs a program, from the flags for them. */
async function surroundingsOf(
  flags: {
    readonly cwd: string | undefined;
    readonly env: readonly string[];
    readonly "env-file": readonly string[];
    readonly user: string | undefined;
    readonly umask: string | undefined;
  },
  { input, terminal }: { input: string | undefined; terminal: Terminal },
): Promise<Record<string, unknown>> {
  const { cwd, env, user, umask } = flags;
  const readers = [...flags["env-file"], input].filter((path) => path === "-");
  if (readers.length > 1) {
    throw new PiriError(
      "INVALID_ARGUMENT",
      'Cannot run: "-" is given twice, and stdin can be read only once; put one of them into a file',
    );
  }
  const variables = {
    ...await filesOf(flags["env-file"], terminal),
    ...variablesOf(env),
  };
  return {
    ...(cwd === undefined ? {} : { cwd }),
    ...(Object.keys(variables).length === 0 ? {} : { env: variables }),
    ...(user === undefined ? {} : userOf(user)),
    ...(umask === undefined ? {} : { umask: umaskOf(umask) }),
  };
}

/** Variables of all files, those of later files over those of earlier ones. */
async function filesOf(
  paths: readonly string[],
  terminal: Terminal,
): Promise<Record<string, string>> {
  let variables: Record<string, string> = {};
  for (const path of paths) {
    const text = await readTextFile("env-file", path, terminal);
    variables = { ...variables, ...parseEnvFile(text, path) };
  }
  return variables;
}

/** @throws {PiriError} INVALID_ARGUMENT unless there is the exit code of one program to wait for */
function requireOne(isOne: boolean, { detach }: { detach: boolean }): void {
  if (detach) {
    throw new PiriError(
      "INVALID_ARGUMENT",
      'Cannot use "--exit-code" with "--detach": nobody waits for the exit code',
    );
  }
  if (isOne) return;
  throw new HintedError(
    "INVALID_ARGUMENT",
    'Cannot use "--exit-code" for several agents: each has an exit code of its own',
    "name one agent, or take the exit codes from --json",
  );
}

/** Gives an error the exit code of an end that is not a program's. */
async function orNoProgram(launched: Promise<number>): Promise<number> {
  try {
    return await launched;
  } catch (error) {
    throw new ExitError(error, NO_PROGRAM_CODE);
  }
}

function requestOf(
  { agents, operation, params }: ParsedRun,
  terminal: Terminal,
) {
  return {
    agents: [...agents],
    operation,
    params: paramsText(params),
    ...signatureOf(terminal),
  };
}
