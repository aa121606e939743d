import { PiriError } from "../../base/errors.ts";
import type { Terminal } from "../terminal.ts";
import { decodeExactly } from "../utf8.ts";

/**
 * Text of the file in a flag, or of stdin for "-".
 *
 * @throws {PiriError} INVALID_ARGUMENT if it is not UTF-8; NOT_FOUND, DENIED, DISK
 */
export async function readTextFile(
  flag: string,
  path: string,
  terminal: Terminal,
): Promise<string> {
  const bytes = path === "-"
    ? await terminal.readStdin()
    : await terminal.readFile(path);
  const text = decodeExactly(bytes);
  if (text !== undefined) return text;
  throw new PiriError(
    "INVALID_ARGUMENT",
    `Cannot use "--${flag} ${path}": it is not UTF-8 text`,
  );
}
