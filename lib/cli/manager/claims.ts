import { PiriError } from "../../base/errors.ts";

/**
 * Claims as they were typed, NAME=VALUE each.
 *
 * @throws {PiriError} INVALID_ARGUMENT
 */
export function parseClaims(words: readonly string[]): Record<string, string> {
  const claims = new Map<string, string>();
  for (const word of words) {
    const [, name = "", value = ""] = /^([^=]+)=([^]+)$/.exec(word) ?? [];
    if (name === "") {
      throw new PiriError(
        "INVALID_ARGUMENT",
        `Cannot use "--claim ${word}": it is not NAME=VALUE, as environment=production`,
      );
    }
    if (claims.has(name)) {
      throw new PiriError(
        "INVALID_ARGUMENT",
        `Cannot use "--claim ${word}": "${name}" was given before, and a claim has one value`,
      );
    }
    claims.set(name, value);
  }
  return Object.fromEntries(claims);
}

/** Claims for people: "environment=production repository_id=1". */
export function claimsText(claims: Readonly<Record<string, string>>): string {
  return Object.entries(claims)
    .map(([name, value]) => `${name}=${value}`).toSorted().join(" ");
}
