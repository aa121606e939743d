import type { JWTPayload } from "jose";
import { CI_FACTS, type CiKind } from "../../base/ci_kind.ts";
import { PiriError } from "../../base/errors.ts";

/** Claims that every token is checked for anyway. */
const ALWAYS_CHECKED = ["iss", "aud", "exp", "nbf", "iat", "jti"];

const NAME = /^[A-Za-z0-9_.:/-]{1,100}$/;

/** Longest value of a claim, in characters. */
const MAX_VALUE = 1_000;

/** Most claims of an operator. */
const MAX_CLAIMS = 20;

/** Longest value that a reason or a run repeats, in characters. */
const SHOWN = 100;

/**
 * Checks the claims of a new operator: without one, every job of the CI could log in, and by names alone whoever takes
 * over a name.
 *
 * @throws {PiriError} INVALID_ARGUMENT
 */
export function checkClaims(
  operator: string,
  kind: CiKind,
  claims: Readonly<Record<string, string>>,
): void {
  const refuse = (fact: string) =>
    new PiriError(
      "INVALID_ARGUMENT",
      `Cannot add operator "${operator}": ${fact}`,
    );
  const names = Object.keys(claims);
  if (names.length === 0) {
    throw refuse("without a claim, every job of the CI could log in");
  }
  if (names.length > MAX_CLAIMS) {
    throw refuse(`it has ${names.length} claims, and at most ${MAX_CLAIMS} go`);
  }
  for (const [name, value] of Object.entries(claims)) {
    if (ALWAYS_CHECKED.includes(name)) {
      throw refuse(`the claim "${name}" of each token is checked anyway`);
    }
    if (!NAME.test(name)) throw refuse(`"${name}" is no name of a claim`);
    if (value === "" || value.length > MAX_VALUE) {
      throw refuse(
        `the value of "${name}" does not have 1 to ${MAX_VALUE} characters`,
      );
    }
  }
  const missing = CI_FACTS[kind].ids.filter((id) => !names.includes(id));
  if (missing.length === 0) return;
  throw refuse(
    `a ${kind} issuer needs the ${missing.length === 1 ? "claim" : "claims"} ${
      missing.join(" and ")
    }, as a name can become somebody else's`,
  );
}

/** Reason why the claims of a token are not those that are wanted; undefined if they are. */
export function unequalClaim(
  wanted: Readonly<Record<string, string>>,
  claims: JWTPayload,
): string | undefined {
  for (const [name, value] of Object.entries(wanted)) {
    const found = claimText(claims, name);
    if (found === value) continue;
    return found === undefined
      ? `it has no claim "${name}" that is a text or number`
      : `its claim "${name}" is ${shown(found)} rather than ${shown(value)}`;
  }
  return undefined;
}

/** Run that a token was made for, as "github: run_id 5, run_number 2". */
export function runText(
  { name, kind }: { readonly name: string; readonly kind: CiKind },
  claims: JWTPayload,
): string {
  const words = CI_FACTS[kind].run.flatMap((claim) => {
    const found = claimText(claims, claim) ?? "";
    return /^[0-9]{1,20}$/.test(found) ? [`${claim} ${found}`] : [];
  });
  const subject = claimText(claims, "sub") ?? "";
  const parts = words.length > 0 ? words : [`sub ${shown(subject)}`];
  return `${name}: ${parts.join(", ")}`;
}

/** Text of a claim that is a text, number or boolean. */
function claimText(claims: JWTPayload, name: string): string | undefined {
  const value = Object.hasOwn(claims, name) ? claims[name] : undefined;
  return ["string", "number", "boolean"].includes(typeof value)
    ? String(value)
    : undefined;
}

/** Text of somebody else in quotes, without what a terminal would obey. */
function shown(text: string): string {
  return JSON.stringify(
    text.slice(0, SHOWN).replaceAll(/[^\p{L}\p{N}\p{P}\p{S} ]/gu, "?"),
  );
}
