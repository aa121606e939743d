import { PiriError } from "../../base/errors.ts";
import { OnDisconnect } from "../../../proto/gen/piri/control/v1/control_enums.ts";
import { parseTypedDuration } from "../../base/units.ts";
import { HintedError } from "../errors.ts";

/** Request of a `run`. */
export interface ParsedRun {
  /** Target expressions. */
  readonly agents: readonly string[];
  readonly operation: string;
  readonly params: Readonly<Record<string, unknown>>;
}

/** Arguments of `run` as typed. */
export interface RunWords {
  /** Target expressions; with `op` also its parameters. */
  readonly words: readonly string[];
  /** The program after `--`. */
  readonly program: readonly string[] | undefined;
  readonly shell: string | undefined;
  readonly op: string | undefined;
  /** True if the operation only tells what it would change. */
  readonly plan?: boolean | undefined;
  /** Settings that only a program has: folder, variables, user, input. */
  readonly surroundings: Readonly<Record<string, unknown>>;
}

/**
 * Parses the arguments of `run`.
 *
 * @throws {PiriError} INVALID_ARGUMENT
 */
export function parseRun(typed: RunWords): ParsedRun {
  const { words, program, shell, op, surroundings } = typed;
  if ([program, shell, op].filter((way) => way !== undefined).length !== 1) {
    throw new HintedError(
      "INVALID_ARGUMENT",
      "Cannot run: exactly one of -- PROGRAM, --shell and --op has to say what",
      "as in: run web-1 -- uname -a",
    );
  }
  if (op !== undefined) return parseOperation(op, typed);
  if (typed.plan) throw wrong("--plan goes with --op, as in: --op file.Line");
  const stray = words.find(isStray);
  if (stray !== undefined) throw strayWord(stray);
  if (program?.length === 0) throw wrong('no program follows "--"');
  const what = program === undefined ? { shell } : { argv: program };
  return {
    agents: words,
    operation: "command.Run",
    params: { ...what, ...surroundings },
  };
}

function parseOperation(
  operation: string,
  { words, surroundings, plan }: RunWords,
): ParsedRun {
  const [stray] = Object.keys(surroundings);
  if (stray !== undefined) {
    throw wrong(`--${stray} goes with a program; write ${stray}=VALUE`);
  }
  const agents = words.filter((word) => !isParameter(word));
  const params: Record<string, unknown> = plan ? { plan: true } : {};
  for (const word of words.filter(isParameter)) {
    const [name, value] = parameterOf(word);
    if (Object.hasOwn(params, name)) throw wrong(`"${name}" is given twice`);
    // Not by assignment: "__proto__" is to become a parameter like any other.
    Object.defineProperty(params, name, { value, enumerable: true });
  }
  return { agents, operation, params };
}

/** True for name=value and name:=JSON. A fact with a dot in its name, or within a longer expression, is none. */
function isParameter(word: string): boolean {
  return /^(?:[A-Za-z_]\w*)?:?=/.test(word);
}

/** True for a word that was meant as a flag, a variable or a parameter, and not as a fact of agents. */
function isStray(word: string): boolean {
  return /^(?:timeout|user|cwd|umask|[A-Z_][A-Z0-9_]*|)=|^\w*:=/.test(word);
}

function parameterOf(word: string): [string, unknown] {
  const [, name = "", json, text = ""] = /^([^=]*?)(:)?=(.*)$/s.exec(word) ??
    [];
  if (name === "") throw wrong(`"${word}" has no name before "="`);
  if (json === undefined) return [name, text];
  try {
    return [name, JSON.parse(text)];
  } catch (error) {
    throw new HintedError(
      "INVALID_ARGUMENT",
      `Cannot run: the value of "${name}" is not JSON`,
      `${name}=VALUE takes text, ${name}:=VALUE takes JSON`,
      { cause: error },
    );
  }
}

/**
 * Reads variables as NAME=VALUE.
 *
 * @throws {PiriError} INVALID_ARGUMENT
 */
export function variablesOf(words: readonly string[]): Record<string, string> {
  return Object.fromEntries(words.map((word) => {
    const end = word.indexOf("=");
    if (end < 1) throw wrong(`"--env ${word}" is not NAME=VALUE`);
    return [word.slice(0, end), word.slice(end + 1)];
  }));
}

/**
 * Parses who runs a program: USER or USER:GROUP, each a name or a number.
 *
 * @throws {PiriError} INVALID_ARGUMENT
 */
export function userOf(text: string): { user: string; group?: string } {
  const [user = "", group, ...more] = text.split(":");
  if (user === "" || group === "" || more.length > 0) {
    throw new HintedError(
      "INVALID_ARGUMENT",
      `Cannot run: "--user ${text}" is neither USER nor USER:GROUP`,
      "as in: --user www-data, --user www-data:adm, --user 33:4",
    );
  }
  return group === undefined ? { user } : { user, group };
}

/**
 * Checks the mask of new files: octal digits.
 *
 * @throws {PiriError} INVALID_ARGUMENT
 */
export function umaskOf(text: string): string {
  if (/^0?[0-7]{1,3}$/.test(text)) return text;
  throw new HintedError(
    "INVALID_ARGUMENT",
    `Cannot run: "--umask ${text}" is no octal number from 000 to 777`,
    "as in: --umask 027, which lets the group read new files and others nothing",
  );
}

/**
 * Parses the fate of a command while its agent is away: continue, kill, or kill-after=60s.
 *
 * @throws {PiriError} INVALID_ARGUMENT
 */
export function disconnectOf(
  text: string | undefined,
): { onDisconnect: OnDisconnect; killAfterMs?: number } {
  if (text === undefined || text === "continue") {
    return { onDisconnect: OnDisconnect.CONTINUE };
  }
  if (text === "kill") return { onDisconnect: OnDisconnect.KILL };
  const [word, after] = text.split("=", 2);
  if (word !== "kill-after" || after === undefined) {
    throw wrong(
      `"--on-disconnect ${text}" is none of continue, kill, kill-after=60s`,
    );
  }
  return {
    onDisconnect: OnDisconnect.KILL,
    killAfterMs: parseTypedDuration(after),
  };
}

function strayWord(word: string): PiriError {
  const [name = "", value] = word.split(/:?=(.*)/s, 2);
  return new HintedError(
    "INVALID_ARGUMENT",
    `Cannot run: "${word}" names no agent; parameters belong to --op`,
    name === "timeout" || name === "user" || name === "cwd"
      ? `did you mean --${name} ${value}?`
      : `a variable of the program is given as --env ${word}`,
  );
}

function wrong(what: string): PiriError {
  return new PiriError("INVALID_ARGUMENT", `Cannot run: ${what}`);
}
