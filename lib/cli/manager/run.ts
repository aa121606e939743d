import { PiriError } from "../../base/errors.ts";
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
import {
  type JobRequest,
  launchJob,
  SKIP_DENIED,
  WHILE_A_JOB_RUNS,
  WHILE_A_JOB_WAITS,
} from "./job/launch_job.ts";
import { LIMIT_FLAGS, limitsOf } from "./job/limit_flags.ts";
import { checkViewFlags, VIEW_FLAGS } from "./job/view_flags.ts";
import {
  checkOwnManager,
  OWN_MANAGER_FLAGS,
  withManager,
} from "./own_manager.ts";
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
import {
  SECRET_FLAGS,
  type SecretFlags,
  secretsOf,
  stdinSecrets,
} from "./secret_flags.ts";
import { checkSignFlags, SIGN_FLAGS, signedPart } from "./sign_flags.ts";
import { signatureOf } from "./signature.ts";
import { programExitCode } from "./states.ts";
import {
  selectionOf,
  TARGET_FLAGS,
  TARGET_HELP,
  withTargetHint,
} from "./target_flags.ts";
import { readTextFile } from "./text_file.ts";

/** `run web-1 -- uname -a`: runs an operation on agents and shows its output. */
export const run = defineSubcommand({
  name: "run",
  summary: "run a program or operation on agents and show its output",
  positionals: {
    agent: {
      type: "any",
      summary:
        "target expressions, such as web-1, 'web-*' or @web; with --op also parameters: key=text or key:=JSON",
    },
  },
  rest: "<program> [arguments]",
  flags: {
    shell: {
      type: "string",
      apart: ["--", "op"],
      value: "LINE",
      summary: "line for the shell of the host, instead of -- and a program",
    },
    op: {
      type: "string",
      apart: [
        "--",
        "shell",
        "stdin",
        "stdin-file",
        "cwd",
        "env",
        "env-file",
        "user",
        "umask",
        "secret-env",
        "secret-file",
      ],
      value: "NAME",
      summary: 'operation to run ("piri-manager operations" lists them)',
    },
    plan: {
      type: "boolean",
      needs: ["op"],
      summary:
        "only tell what the operation would change, as file.Line can (with --op)",
    },
    timeout: {
      type: "duration",
      value: "TIME",
      summary: "end the command after it has run for this time: 90s, 1h30m",
    },
    detach: {
      type: "boolean",
      summary: "print the id of the job and do not wait",
    },
    name: {
      type: "string",
      value: "NAME",
      summary: "name of the job, which job list --text finds",
    },
    note: {
      type: "string",
      value: "TEXT",
      summary: "note of the job, for people",
    },
    propose: {
      type: "boolean",
      summary: "wait until somebody else approves, though no rule asks for it",
    },
    ...TARGET_FLAGS,
    ...LIMIT_FLAGS,
    ...VIEW_FLAGS,
    "exit-code": {
      type: "boolean",
      apart: ["detach"],
      summary:
        "exit with the code of the program, and with 255 if it has none (one agent)",
    },
    "on-disconnect": {
      type: "string",
      value: "WHAT",
      summary:
        "what the command does while its agent is disconnected: continue (default), kill, kill-after=60s",
    },
    survive: {
      type: "boolean",
      summary:
        "let the program outlive its agent: a restart or crash of the agent ends neither it nor its result (Linux)",
    },
    "skip-denied": { type: "boolean", summary: SKIP_DENIED },
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
    ...SECRET_FLAGS,
    ...SIGN_FLAGS,
    ...OWN_MANAGER_FLAGS,
  },
  hints: {
    group: "for the group that the program runs as: --user USER:GROUP",
    output: "the output is shown; --out DIR keeps it, and --json prints JSON",
    parallel: "--batch N: at most so many agents at a time",
    forks: "--batch N: at most so many agents at a time",
    fanout: "--batch N: at most so many agents at a time",
    "batch-size": "--batch N: at most so many agents at a time",
    serial: "--batch N: at most so many agents at a time",
  },
  more: [TARGET_HELP, WHILE_A_JOB_RUNS, WHILE_A_JOB_WAITS, {
    title: "Exit code (of several agents: the first that applies)",
    lines: [...PRECEDENCE, ExitCode.ok, ExitCode.left].flatMap((code) =>
      EXIT_CODE_HELP.filter(([number]) => number === String(code))
    ),
  }],
  examples: [
    "web-1 -- uname -a",
    "'web-*' db-1 --timeout 5m --shell 'apt-get update | tail -1'",
    "@web --batch 10% --canary 1 --max-failures 3 -- ./deploy.sh",
    "all --queue 8h --detach --name updates -- apt-get -y upgrade",
    "@web --diff -- cat /etc/hosts",
    "'web-*' --stream --timestamps -- tail -f /var/log/app.log",
    "@web --out results --junit report.xml -- ./check.sh",
    "web-1 --op file.Fetch source=app.conf path=/etc/app.conf",
    "web-1 --op file.Line path=/etc/motd line=hello --plan",
    "web-1 --secret-env TOKEN=deploy-token -- ./deploy.sh",
    "@db --sign --signatures 2 -- systemctl restart postgresql",
    "db-1 --survive --detach -- pg_dump -f /backup/all.sql all",
    "web-1 --exit-code -- grep -q ready /var/log/app.log",
    "--serve --wait-for 95% --within 2m 'web-*' -- ./deploy.sh",
  ],
  async execute(invocation, services: ManagerServices) {
    const { flags, fromSettings, json, output, terminal } = invocation;
    checkOwnManager(flags);
    const input = inputPath(flags, flags.op);
    const typed = parseRun({
      words: invocation.positionals.agent,
      program: invocation.rest,
      shell: flags.shell,
      op: flags.op,
      plan: flags.plan,
      surroundings: await surroundingsOf(flags, { input, terminal }),
    });
    const secrets = await secretsOf(flags, { terminal, op: flags.op });
    const targets = await selectionOf(typed.agents, flags, invocation);
    const limits = limitsOf(flags);
    checkViewFlags(flags, invocation);
    checkSignFlags(flags);
    const isOne = namesOne(typed.agents);
    const passesCode = flags["exit-code"] &&
      (isOne || !fromSettings.has("exit-code"));
    if (passesCode) requireOne(isOne, flags);
    const launched = withManager(invocation, services, {
      targets,
      work: async (dir, seed) => {
        const connect = () => services.connect(dir);
        const given = await inputParams(input, {
          connect,
          terminal,
          unread: flags.detach,
        });
        const params = { ...typed.params, ...given, ...secrets.params };
        const parsed = { ...typed, params };
        const { timeout } = flags;
        const asked = {
          targets: { ...targets, ...seed === undefined ? {} : { seed } },
          ...requestOf(parsed, terminal),
          ...flags.survive ? { survive: true } : {},
        };
        const request: JobRequest = {
          ...asked,
          ...await signedPart(flags, asked, { connect, terminal, output }),
          ...disconnectOf(flags["on-disconnect"]),
          ...(timeout === undefined ? {} : { timeoutMs: timeout }),
          limits,
          name: flags.name ?? "",
          note: flags.note ?? "",
          skipDenied: flags["skip-denied"],
          propose: flags.propose,
          acceptApproval: true,
          secrets: [...secrets.given]
            .map(([name, secret]) => ({ name, value: secret.open() })),
        };
        return await launchJob({
          start: (control, { signal }) =>
            control.jobs.startJob(request, { signal }),
          explain: (answer) =>
            withTargetHint(withHint(answer, { parsed, connect }), targets),
          ...(passesCode
            ? {
              exitCodeOf: ([ended]) =>
                ended === undefined ? NO_PROGRAM_CODE : programExitCode(ended),
            }
            : {}),
        }, { flags, json, output, terminal, connect });
      },
    });
    return await (passesCode ? orNoProgram(launched) : launched);
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
  } & SecretFlags,
  { input, terminal }: { input: string | undefined; terminal: Terminal },
): Promise<Record<string, unknown>> {
  const { cwd, env, user, umask } = flags;
  const readers = [...flags["env-file"], input].filter((path) => path === "-");
  if (readers.length + stdinSecrets(flags, terminal) > 1) {
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
  { operation, params }: ParsedRun,
  terminal: Terminal,
) {
  return {
    operation,
    params: paramsText(params),
    ...signatureOf(terminal),
  };
}
