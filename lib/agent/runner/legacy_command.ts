import { PiriError } from "../../base/errors.ts";
import { isTooDeep } from "../../base/json_depth.ts";
import { jsonObject } from "../../base/json_object.ts";
import { Limits } from "../../base/limits.ts";
import { operationNamed } from "../../operations/registry.ts";

/** Operation of this build with its parameters. */
export interface Translated {
  readonly operation: string;
  /** JSON object. */
  readonly params: string;
}

type Params = Readonly<Record<string, unknown>>;

/** Keyword under which the positional parameters are passed. */
const ARGS = "[args]";

/** Keyword of a condition, which decides for legacy agents if the operation is carried out. */
const CONDITION = "if";

/** Names of the positional parameters of legacy operations, in order. */
const POSITIONS: Readonly<Record<string, readonly string[]>> = {
  "command.Run": [
    "command",
    "user",
    "group",
    "shell",
    "cwd",
    "stdin",
    "wait",
    "env",
    "capture_stdout",
    "capture_stderr",
    "encoding",
  ],
  "echo.Echo": ["message", "reverse"],
  "file.Installed": [
    "path",
    "source",
    "method",
    "overwrite",
    "user",
    "group",
    "mode",
  ],
};

/**
 * Translates the Command of a legacy Manager. Operations without a legacy version take their own parameters.
 *
 * @throws {PiriError} INVALID_ARGUMENT, UNSUPPORTED, NOT_FOUND
 */
export function translateLegacy(type: string, data: string): Translated {
  const given = new Given(type, data);
  if (type === "command.Run" && !given.isOwnRun()) return runOf(given);
  if (type === "echo.Echo" && !given.has("text")) return echoOf(given);
  return { operation: type, params: JSON.stringify(given.all()) };
}

/** Parameters of a Command, by name. */
class Given {
  readonly #type: string;
  readonly #values: ReadonlyMap<string, unknown>;

  constructor(type: string, data: string) {
    this.#type = type;
    const { [ARGS]: args = [], ...keywords } = this.#parse(data);
    if (!Array.isArray(args)) {
      requireOperation(type);
      throw this.wrong(ARGS, "expected a list");
    }
    const names = Object.hasOwn(POSITIONS, type) ? POSITIONS[type] ?? [] : [];
    if (args.length > names.length) {
      requireOperation(type);
      throw new PiriError(
        "INVALID_ARGUMENT",
        `Cannot run "${type}": it takes ${names.length} positional parameters, and not ${args.length}`,
      );
    }
    const positional = args.map((value, at): [string, unknown] => [
      names[at] ?? "",
      value,
    ]);
    const twice = positional.find(([name]) => Object.hasOwn(keywords, name));
    if (twice !== undefined) throw this.wrong(twice[0], "it is given twice");
    // In the protocol of those Managers, null means that a parameter is left out.
    this.#values = new Map(
      [...positional, ...Object.entries(keywords)]
        .filter(([, value]) => value !== null),
    );
    if (this.has(CONDITION)) {
      requireOperation(type);
      throw new PiriError(
        "UNSUPPORTED",
        `Cannot run "${type}": this agent does not understand the condition in "${CONDITION}"`,
      );
    }
  }

  has(name: string): boolean {
    return this.#values.has(name);
  }

  /** True if these are parameters of this agent's own command.Run. In the legacy one, `shell` is no text. */
  isOwnRun(): boolean {
    return !this.has("command") &&
      (this.has("argv") || typeof this.get("shell") === "string");
  }

  /** Throws if a parameter is missing. */
  needs(name: string): void {
    if (this.has(name)) return;
    throw new PiriError(
      "INVALID_ARGUMENT",
      `Cannot run "${this.#type}": parameter "${name}" is missing`,
    );
  }

  get(name: string): unknown {
    return this.#values.get(name);
  }

  all(): Params {
    return Object.fromEntries(this.#values);
  }

  text(name: string): string | undefined {
    const value = this.get(name);
    if (value === undefined || typeof value === "string") return value;
    throw this.wrong(name, "expected a string");
  }

  flag(name: string, absent: boolean): boolean {
    const value = this.get(name) ?? absent;
    if (typeof value === "boolean") return value;
    throw this.wrong(name, "expected true or false");
  }

  /** User or group, by name or number. */
  account(name: string): string | undefined {
    const value = this.get(name);
    return typeof value === "number" ? String(value) : this.text(name);
  }

  /** Throws if there are other parameters than these. */
  only(names: readonly string[]): void {
    const unknown = [...this.#values.keys()].find((key) =>
      !names.includes(key)
    );
    if (unknown === undefined) return;
    throw new PiriError(
      "INVALID_ARGUMENT",
      `Cannot run "${this.#type}": there is no parameter "${unknown}"`,
    );
  }

  wrong(name: string, what: string): PiriError {
    return new PiriError(
      "INVALID_ARGUMENT",
      `Cannot run "${this.#type}": parameter "${name}" is wrong: ${what}`,
    );
  }

  #parse(data: string): Params {
    if (isTooDeep(data)) {
      requireOperation(this.#type);
      throw new PiriError(
        "INVALID_ARGUMENT",
        `Cannot run "${this.#type}": its parameters are nested deeper than ${Limits.jsonDepth}, which is the limit`,
      );
    }
    const value = data === "" ? {} : jsonObject(data);
    if (value !== undefined) return value;
    requireOperation(this.#type);
    throw new PiriError(
      "INVALID_ARGUMENT",
      `Cannot run "${this.#type}": its parameters are not a JSON object`,
    );
  }
}

/**
 * Refuses an operation that does not exist, before its parameters are called wrong.
 *
 * @throws {PiriError} NOT_FOUND
 */
function requireOperation(type: string): void {
  operationNamed(type, { allowTestOperations: true });
}

function echoOf(given: Given): Translated {
  given.only(POSITIONS["echo.Echo"] ?? []);
  given.needs("message");
  const text = given.text("message") ?? "";
  const params = {
    text: given.flag("reverse", false) ? [...text].reverse().join("") : text,
  };
  return { operation: "echo.Echo", params: JSON.stringify(params) };
}

function runOf(given: Given): Translated {
  given.only(POSITIONS["command.Run"] ?? []);
  given.needs("command");
  const encoding = given.text("encoding") ?? "utf-8";
  if (!/^utf-?8$/i.test(encoding)) {
    throw given.wrong("encoding", "this agent has utf-8 only");
  }
  const keeps = {
    waits: given.flag("wait", true),
    stdout: given.flag("capture_stdout", true),
    stderr: given.flag("capture_stderr", true),
  };
  const params = {
    ...redirected(lineOf(given), keeps),
    user: given.account("user"),
    group: given.account("group"),
    cwd: given.text("cwd"),
    stdin: given.text("stdin"),
    env: variablesOf(given),
  };
  return { operation: "command.Run", params: JSON.stringify(params) };
}

type Line = { readonly argv: readonly string[] } | { readonly shell: string };

/** Line of the legacy operation, which is for the shell unless `shell` is false. */
function lineOf(given: Given): Line {
  const command = given.get("command");
  const shell = given.flag("shell", true);
  if (typeof command === "string") {
    return shell ? { shell: command } : { argv: [command] };
  }
  if (
    !Array.isArray(command) || command.length === 0 ||
    command.some((word) => typeof word !== "string")
  ) {
    throw given.wrong("command", "expected a string or a list of strings");
  }
  // Given a list, the shell takes the first item as the line, and the others as the line's own parameters.
  return { argv: shell ? ["/bin/sh", "-c", ...command] : command };
}

interface Keeps {
  /** True if the command ends together with its program. */
  readonly waits: boolean;
  /** True if its standard output is wanted. */
  readonly stdout: boolean;
  readonly stderr: boolean;
}

/** Lets a shell start a program that is not waited for, or whose output is not wanted. */
function redirected(line: Line, { waits, stdout, stderr }: Keeps): Line {
  if (waits && stdout && stderr) return line;
  if (Deno.build.os === "windows") {
    throw new PiriError(
      "UNSUPPORTED",
      'Cannot run "command.Run": "wait", "capture_stdout" and "capture_stderr" are not to be had on Windows',
    );
  }
  const argv = "argv" in line ? line.argv : ["/bin/sh", "-c", line.shell];
  const start = waits
    ? `exec "$@"${stdout ? "" : " >/dev/null"}${stderr ? "" : " 2>/dev/null"}`
    : '"$@" </dev/null >/dev/null 2>&1 &';
  return { argv: ["/bin/sh", "-c", start, "sh", ...argv] };
}

/** Environment variables. Numbers and truth values are written as legacy Managers write them. */
function variablesOf(given: Given): Record<string, string> | undefined {
  const env = given.get("env");
  if (env === undefined) return undefined;
  if (typeof env !== "object" || env === null || Array.isArray(env)) {
    throw given.wrong("env", "expected a map of variables");
  }
  return Object.fromEntries(
    Object.entries(env).map(([name, value]) => {
      if (typeof value === "boolean") return [name, value ? "True" : "False"];
      if (typeof value === "string" || typeof value === "number") {
        return [name, String(value)];
      }
      throw given.wrong(`env.${name}`, "expected text or a number");
    }),
  );
}
