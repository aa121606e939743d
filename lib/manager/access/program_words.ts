import { decodeBase64 } from "@std/encoding/base64";
import type { AskedWork } from "../api/access_api.ts";

/** Operation that runs a program, and whose arguments a rule can name. */
export const RUN = "command.Run";

/** Other operations that run lines of a shell, and the parameter that has them. */
export const LINE_PARAMETERS: Readonly<Record<string, string>> = {
  "assert.That": "cmd",
  "command.RunMultiple": "commands",
  "cron.Job": "command",
  "systemd.Timer": "command",
};

/** Parameters of command.Run that change how a program runs, and not which. */
const SURROUNDINGS: ReadonlySet<string> = new Set([
  ...["cwd", "env", "user", "group", "umask", "stdin", "stdin_blob"],
  ...["secret_env", "secret_stdin", "secret_files"],
]);

/** True if work of another operation than command.Run runs lines of a shell. */
export function runsLines({ operation, params }: AskedWork): boolean {
  if (!Object.hasOwn(LINE_PARAMETERS, operation)) return false;
  const name = LINE_PARAMETERS[operation] ?? "";
  return name === "commands" || Object.hasOwn(JSON.parse(params), name);
}

/** Words of the program that work of command.Run runs; undefined if they cannot be known, as those of a shell's line. */
export function programWords(params: string): readonly string[] | undefined {
  const given = JSON.parse(params) as Record<string, unknown>;
  const [way, ...others] = Object.keys(given)
    .filter((name) => !SURROUNDINGS.has(name));
  // An unknown parameter may name another program to an agent of another version.
  if (way === undefined || others.length > 0) return undefined;
  const words = given[way];
  if (!Array.isArray(words) || !words.every(isText)) return undefined;
  if (way === "argv") return words;
  return way === "argv_base64" ? decoded(words) : undefined;
}

function isText(value: unknown): value is string {
  return typeof value === "string";
}

function decoded(words: readonly string[]): readonly string[] | undefined {
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  try {
    return words.map((word) => decoder.decode(decodeBase64(word)));
  } catch {
    return undefined;
  }
}
