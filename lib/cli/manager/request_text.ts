import type { Command } from "../../../proto/gen/piri/control/v1/control_messages.ts";

/** Longest request in a list, in characters: `show` has all of it. */
const MAX_CHARACTERS = 200;

/** Words that a shell takes as they are. */
const PLAIN = /^[\w@%+=:,./-]+$/;

/** Words for operations on plans. */
const PLAN_VERBS: Readonly<Record<string, string>> = {
  "state.Plan": "plan",
  "state.Apply": "apply",
};

/** Operation and parameters of a request, and the note of its job. */
type Request = Pick<Command, "operation" | "params"> & {
  readonly note?: string;
};

/** Request of a command as one would type it in a shell, cut to the length of a line. */
export function requestText(request: Request): string {
  return cut(putText(request) ?? wholeText(request));
}

/** The same with all that makes it differ from others: also the SHA-256 of what `put` sent. */
export function exactRequestText(request: Request): string {
  return cut(wholeText(request));
}

function cut(text: string): string {
  const characters = [...text];
  return characters.length <= MAX_CHARACTERS
    ? characters.join("")
    : `${characters.slice(0, MAX_CHARACTERS - 1).join("")}…`;
}

/** Request of `put` for people; undefined for another one. Its note tells what is put. */
function putText(
  { operation, params, note = "" }: Request,
): string | undefined {
  const { path, mode, user, group, ...flags } = paramsOf(params);
  if (operation !== "file.Put" || typeof path !== "string") return undefined;
  const owner = [user, group].filter((name) => typeof name === "string");
  return [
    `put ${note === "" ? "files" : note} to ${quoted(path)}`,
    ...typeof mode === "string" ? [`--mode ${mode}`] : [],
    ...user === undefined
      ? owner.map((name) => `--group ${quoted(String(name))}`)
      : [`--owner ${quoted(owner.join(":"))}`],
    ...flags["parents"] === true ? ["--mkdir"] : [],
    ...flags["delete"] === true ? ["--delete"] : [],
    ...flags["backup"] === true ? ["--backup"] : [],
  ].join(" ");
}

function wholeText(
  { operation, params }: Pick<Command, "operation" | "params">,
): string {
  const { shell, argv, plan, only, strict } = paramsOf(params);
  const verb = PLAN_VERBS[operation];
  if (verb !== undefined && typeof plan === "string") {
    const words = Array.isArray(only) ? only.map(String) : [];
    return [
      verb,
      plan,
      ...words.map((word) => `--only ${quoted(word)}`),
      ...strict === true ? ["--strict"] : [],
    ].join(" ");
  }
  if (operation !== "command.Run") return `${operation} ${params}`;
  if (typeof shell === "string") return shell;
  return Array.isArray(argv)
    ? argv.map((word) => quoted(String(word))).join(" ")
    : `${operation} ${params}`;
}

/** A word as a shell reads it. */
function quoted(word: string): string {
  return PLAIN.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

function paramsOf(params: string): Readonly<Record<string, unknown>> {
  try {
    return JSON.parse(params);
  } catch {
    return {};
  }
}
