import { encodeHex } from "@std/encoding/hex";
import { PiriError } from "../../base/errors.ts";
import { defineSubcommand } from "../command.ts";
import { HintedError } from "../errors.ts";
import { EXIT_CODE_HELP, ExitCode, PRECEDENCE } from "../exit_code.ts";
import type { Terminal } from "../terminal.ts";
import { decodeExactly } from "../utf8.ts";
import { Attendance } from "./attend.ts";
import { commandJson } from "./json.ts";
import { withHint } from "./hints.ts";
import { Reach } from "./reach.ts";
import {
  disconnectOf,
  type Order,
  orderOf,
  variablesOf,
} from "./run_request.ts";
import type { ManagerServices } from "./services.ts";
import { Waiting } from "./waiting.ts";

/** `run web-1 -- uname -a`: something done on agents, shown as it happens. */
export const run = defineSubcommand({
  name: "run",
  summary:
    "run a program or another operation on agents, and show what it prints",
  positionals: {
    agent: {
      type: "many",
      summary:
        "names, or globs over the connected agents; with --op also its parameters, as key=text or key:=JSON",
    },
  },
  rest: "<program> [arguments]",
  flags: {
    shell: {
      type: "string",
      value: "LINE",
      summary: "a line for the host's shell, instead of -- and a program",
    },
    op: {
      type: "string",
      value: "NAME",
      summary: 'an operation ("piri-manager operations" lists them)',
    },
    timeout: {
      type: "duration",
      value: "TIME",
      summary: "end it on the host after this time, as 90s or 1h30m",
    },
    detach: {
      type: "boolean",
      summary: "print the commands' ids and do not wait",
    },
    raw: {
      type: "boolean",
      summary:
        "show the bytes alone, exactly; so it is anyway for one agent where stdout is no terminal",
    },
    "on-disconnect": {
      type: "string",
      value: "WHAT",
      summary:
        "what becomes of it while its agent is away: continue (if absent), kill, or kill-after=60s",
    },
    cwd: { type: "string", value: "DIR", summary: "the program's folder" },
    env: {
      type: "repeated",
      value: "NAME=VALUE",
      summary: "a variable for the program",
    },
    user: { type: "string", value: "USER", summary: "who runs the program" },
    "stdin-file": {
      type: "string",
      value: "FILE",
      summary: 'what the program reads: a text file here, or "-" for stdin',
    },
  },
  more: [{
    title: "While it runs",
    lines: [
      ["Ctrl-C", "cancels it and waits for the result"],
      ["Ctrl-C again", "stops waiting"],
    ],
  }, {
    title: "Exit code, the first of these that holds for any of the commands",
    lines: [...PRECEDENCE, ExitCode.ok].flatMap((code) =>
      EXIT_CODE_HELP.filter(([number]) => number === String(code))
    ),
  }],
  examples: [
    "web-1 -- uname -a",
    "'web-*' db-1 --timeout 5m --shell 'apt-get update | tail -1'",
    "web-1 --op file.Fetch source=app.conf path=/etc/app.conf mode=0644",
  ],
  async execute(invocation, services: ManagerServices) {
    const { flags, dir, json, terminal, output } = invocation;
    const order = orderOf({
      words: invocation.positionals.agent,
      program: invocation.rest,
      shell: flags.shell,
      op: flags.op,
      surroundings: {
        ...(flags.cwd === undefined ? {} : { cwd: flags.cwd }),
        ...(flags.env.length === 0 ? {} : { env: variablesOf(flags.env) }),
        ...(flags.user === undefined ? {} : { user: flags.user }),
        ...(flags["stdin-file"] === undefined
          ? {}
          : { stdin: await readText(flags["stdin-file"], terminal) }),
      },
    });
    const request = {
      ...requestOf(order, terminal),
      ...disconnectOf(flags["on-disconnect"]),
      ...(flags.timeout === undefined ? {} : { timeoutMs: flags.timeout }),
    };
    // A Manager that is not there at all is told at once; only for one that goes away is it worth to wait.
    (await services.connect(dir))[Symbol.dispose]();
    const reach = new Reach(() => services.connect(dir), terminal);
    using waiting = new Waiting(terminal);
    const { commands } = await withHint(
      reach.call(
        (control, { signal }) => control.commands.run(request, { signal }),
        {
          signal: waiting.signal,
          failure: (fact) =>
            new HintedError(
              "UNAVAILABLE",
              `Cannot tell whether anything was started: ${fact}`,
              "piri-manager commands",
            ),
        },
      ),
      { order, connect: () => services.connect(dir) },
    );
    if (flags.detach) {
      for (const command of commands) {
        await output.either(commandJson(command), String(command.id));
      }
      return ExitCode.ok;
    }
    const manner = { terminal, json, raw: flags.raw };
    const attendance = new Attendance(commands, { reach, manner });
    waiting.cancels(attendance.follower);
    if (flags.timeout !== undefined) waiting.limit(flags.timeout);
    return await attendance.wait(waiting.signal);
  },
});

function requestOf({ agents, operation, params }: Order, terminal: Terminal) {
  const user = terminal.env("USER") ?? terminal.env("USERNAME") ?? "";
  return {
    agents: [...agents],
    operation,
    params: JSON.stringify(params),
    requestId: encodeHex(terminal.random.bytes(16)),
    requestedBy: user,
  };
}

async function readText(path: string, terminal: Terminal): Promise<string> {
  const bytes = path === "-"
    ? await terminal.readStdin()
    : await terminal.readFile(path);
  const text = decodeExactly(bytes);
  if (text !== undefined) return text;
  throw new PiriError(
    "INVALID_ARGUMENT",
    `Cannot use "--stdin-file ${path}": it is not UTF-8 text`,
  );
}
