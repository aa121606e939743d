import { PiriError } from "../../base/errors.ts";
import { fingerprintOf } from "../fingerprint.ts";
import type { HostReader, HostWriter, StepProgram } from "../host/host.ts";
import type { ParameterShapes } from "../parameters.ts";
import {
  type Changed,
  type Check,
  type Forecast,
  stepOperation,
} from "../step_operation.ts";
import { UMASK, VARIABLE } from "../program_words.ts";
import { Unforeseen } from "../unforeseen.ts";
import { quoted, requireFilled, WrongValue } from "../wrong_value.ts";

const AROUND = {
  cwd: { type: "text", description: "Folder to start in" },
  env: { type: "map", secret: true, description: "Variables that are added" },
  user: { type: "text", description: "User that runs it, a name or number" },
  group: { type: "text", description: "Group that it runs with" },
  umask: { type: "text", description: "Mask of new files, as 027" },
  stdin: {
    type: "text",
    secret: true,
    description: "Text that the program reads",
  },
  creates: {
    type: "path",
    description: "Path that it makes: it runs only while nothing is there",
  },
  removes: {
    type: "path",
    description: "Path that it removes: it runs only while something is there",
  },
  unless: {
    type: "text",
    description:
      "Line for the shell that only looks: it runs only if that fails",
  },
  onlyif: {
    type: "text",
    description:
      "Line for the shell that only looks: it runs only if that succeeds",
  },
  "ok_codes": {
    type: "integers",
    description: "Exit codes of success",
    standard: "0",
  },
  "changed_codes": {
    type: "integers",
    description: "Exit codes of success that mean a change; others mean none",
  },
  changes: {
    type: "switch",
    description: "False if it never counts as a change",
    standard: "true",
  },
} as const satisfies ParameterShapes;

/** Runs a program. */
export const commandRunStep = stepOperation({
  name: "command.Run",
  description: "Runs a program, each time or only while its guards ask for it",
  subject: "command",
  oneOf: [["command", "argv", "shell"]],
  parameters: {
    command: { type: "text", description: "Line for the shell" },
    argv: {
      type: "texts",
      description: "Program and arguments, without a shell",
    },
    shell: { type: "text", description: "Line for the shell, as command" },
    ...AROUND,
  },
  runsPrograms: () => true,
  validate(params) {
    if (params.argv?.length === 0) {
      throw new WrongValue(["argv"], "it is empty; give it a program");
    }
    validateAround(params);
  },
  check,
  change: (params, _, writer) => runAll([lineOf(params)], params, writer),
});

/** Runs several programs, one after another, up to the first that fails. */
export const commandRunMultiple = stepOperation({
  name: "command.RunMultiple",
  description: "Runs several lines, one after another, up to one that fails",
  subject: "commands",
  parameters: {
    commands: {
      type: "texts",
      required: true,
      description: "Lines for the shell",
    },
    ...AROUND,
  },
  runsPrograms: () => true,
  validate: validateAround,
  check,
  change: (params, _, writer) =>
    runAll(params.commands.map((shell) => ({ shell })), params, writer),
});

const OPAQUE = [{ kind: "opaque" }] as const;

/** Part of the check of a program that never counts as a change. A gate needs its effects also when it need not run. */
const NEUTRAL = { counts: false, effects: OPAQUE } as const;

interface Params {
  readonly command?: string;
  readonly argv?: readonly string[];
  readonly shell?: string;
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly user?: string;
  readonly group?: string;
  readonly umask?: string;
  readonly stdin?: string;
  readonly creates?: string;
  readonly removes?: string;
  readonly unless?: string;
  readonly onlyif?: string;
  readonly "ok_codes"?: readonly number[];
  readonly "changed_codes"?: readonly number[];
  readonly changes?: boolean;
}

/** Refuses what no program can be started with. */
function validateAround(params: Params): void {
  const { env = {}, umask } = params;
  requireFilled({ ...params }, ["user", "group"]);
  const wrong = Object.keys(env).find((key) => !VARIABLE.test(key));
  if (wrong !== undefined) {
    throw new WrongValue(
      ["env", wrong],
      `${
        quoted(wrong)
      } is no name of a variable: it is empty, or has "=" in it`,
    );
  }
  if (umask === undefined || UMASK.test(umask)) return;
  throw new WrongValue(
    ["umask"],
    `${quoted(umask)} is no octal number from 000 to 777, as 027`,
  );
}

function lineOf({ command, argv, shell = command }: Params): StepProgram {
  if (argv !== undefined) return { argv };
  return shell === undefined ? {} : { shell };
}

async function check(
  params: Params,
  reader: HostReader,
  forecast: Forecast,
): Promise<Check> {
  const { changes = true, changed_codes: codes } = params;
  const why = await reasonAgainst(params, reader, forecast);
  const fingerprint = fingerprintOf(why ?? "runs");
  if (why !== undefined) {
    return {
      verdict: "ok",
      changes: [],
      fingerprint,
      reason: why,
      ...changes ? {} : NEUTRAL,
    };
  }
  const isGuarded = [
    params.creates,
    params.removes,
    params.unless,
    params.onlyif,
  ].some((guard) => guard !== undefined);
  return {
    verdict: "change",
    changes: [{ what: "command", to: "runs" }],
    fingerprint,
    after: isGuarded ? "warns" : "none",
    effects: OPAQUE,
    ...countsOf(changes, codes),
  };
}

function countsOf(
  changes: boolean,
  codes: readonly number[] | undefined,
): Pick<Check, "counts"> {
  if (!changes) return { counts: false };
  return codes === undefined ? {} : { counts: "unknown" };
}

/** Guard that says that it need not run, in words; undefined if none does. */
async function reasonAgainst(
  { creates, removes, unless, onlyif, ...params }: Params,
  reader: HostReader,
  { opaque }: Forecast,
): Promise<string | undefined> {
  const isThere = (path: string) => {
    const found = reader.facts(path) !== undefined;
    if (found || opaque === undefined) return found;
    throw new Unforeseen(
      `there is no "${path}", and step "${opaque}" may make it`,
    );
  };
  if (creates !== undefined && isThere(creates)) {
    return `"${creates}" is there`;
  }
  if (removes !== undefined && !isThere(removes)) {
    return `"${removes}" is not there`;
  }
  const { stdin: _, ...around } = aroundOf(params);
  const succeeds = async (shell: string) =>
    (await reader.look({ ...around, shell })).code === 0;
  if (unless !== undefined && await succeeds(unless)) {
    return "unless: its line succeeds";
  }
  if (onlyif !== undefined && !await succeeds(onlyif)) {
    return "onlyif: its line fails";
  }
  return undefined;
}

function aroundOf(
  { cwd, env, user, group, umask, stdin }: Params,
): StepProgram {
  return JSON.parse(JSON.stringify({ cwd, env, user, group, umask, stdin }));
}

async function runAll(
  programs: readonly StepProgram[],
  params: Params,
  writer: HostWriter,
): Promise<Changed> {
  const { ok_codes: right = [0], changed_codes: changed } = params;
  let isChanged = false;
  for (const program of programs) {
    const { code, signal } = await writer.run({
      ...aroundOf(params),
      ...program,
    });
    const isRight = code !== undefined &&
      (right.includes(code) || changed?.includes(code) === true);
    if (!isRight) {
      const end = signal === undefined
        ? `with exit code ${code}`
        : `by ${signal}`;
      throw new PiriError(
        "FAILED_PRECONDITION",
        `Cannot go on: the program ended ${end}`,
      );
    }
    if (changed?.includes(code) ?? true) isChanged = true;
  }
  return { changed: isChanged };
}
