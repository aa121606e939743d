import { Limits } from "./limits.ts";

/**
 * Whether JSON is nested deeper than the limit: what reads or writes values by calling itself ends the program on such.
 *
 * Brackets outside of strings are counted, so it may be asked before the text is parsed, and of text that is no JSON.
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
