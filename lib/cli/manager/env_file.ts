import { PiriError } from "../../base/errors.ts";

/**
 * Reads variables from text with lines NAME=VALUE. Lines that are empty or begin with # are left out. Quotes round a
 * whole value are removed; nothing in it is evaluated. Of two lines with the same name the later one counts. Errors
 * never have a value in them, which may be a secret.
 *
 * @throws {PiriError} INVALID_ARGUMENT with file and line
 */
export function parseEnvFile(
  text: string,
  path: string,
): Record<string, string> {
  const variables = new Map<string, string>();
  // Editors on Windows write a mark at the beginning.
  for (
    const [at, line] of text.replace(/^\ufeff/, "").split(/\r?\n/).entries()
  ) {
    const trimmed = line.trim();
    if (trimmed === "" || trimmed.startsWith("#")) continue;
    const wrong = (what: string) =>
      new PiriError(
        "INVALID_ARGUMENT",
        `Cannot read "${path}": line ${at + 1}: ${what}`,
      );
    const end = trimmed.indexOf("=");
    if (end < 0) throw wrong('it has no "=", and should be NAME=VALUE');
    const name = trimmed.slice(0, end).replace(/^export\s+/, "");
    if (!/^[^\s\0=]+$/.test(name)) {
      throw wrong('before "=" there is no name of a variable');
    }
    const value = trimmed.slice(end + 1);
    if (value.includes("\0")) throw wrong("its value has a NUL character");
    const [quote] = /^["']/.exec(value) ?? [];
    const closed = value.length > 1 && value.endsWith(quote ?? "");
    if (quote !== undefined && !closed) {
      throw wrong(`its value begins with ${quote} and does not end with it`);
    }
    variables.set(name, quote === undefined ? value : value.slice(1, -1));
  }
  return Object.fromEntries(variables);
}
