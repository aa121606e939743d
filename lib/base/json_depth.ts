import { Limits } from "./limits.ts";

/**
 * True if JSON is nested deeper than the limit. Code that parses or writes JSON recursively would end the program on
 * it.
 *
 * Counts brackets outside of strings. The text need not be parsed before, and need not be valid JSON.
 */
export function isTooDeep(json: string): boolean {
  let depth = 0;
  let quoted = false;
  for (let at = 0; at < json.length; at++) {
    const char = json[at];
    if (quoted) {
      if (char === "\\") at++;
      else if (char === '"') quoted = false;
    } else if (char === '"') quoted = true;
    else if (char === "[" || char === "{") {
      if (++depth > Limits.jsonDepth) return true;
    } else if (char === "]" || char === "}") depth--;
  }
  return false;
}
