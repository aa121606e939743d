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

/** Request of a command as one would type it in a shell, cut to the length of a line. */
export function requestText(
  command: Pick<Command, "operation" | "params">,
): string {
  const characters = [...wholeText(command)];
  return characters.length <= MAX_CHARACTERS
    ? characters.join("")
    : `${characters.slice(0, MAX_CHARACTERS - 1).join("")}…`;
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
