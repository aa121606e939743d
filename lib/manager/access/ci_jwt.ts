import type { JWTPayload } from "jose";
import { PiriError } from "../../base/errors.ts";
import { sha256 } from "../../base/sha256.ts";
import type { SpentToken } from "../../store/issuer_records.ts";
import type { IssuerKeys } from "./issuer_keys.ts";

/** Algorithms that a token may be signed with: those with a public key. */
const ALGORITHMS = [
  ...["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"],
  ...["ES256", "ES384", "EdDSA"],
];

/** Oldest token that is taken, in seconds. */
const MAX_AGE_S = 600;

/** Difference between the clocks of the CI and of the Manager, in seconds. */
const TOLERANCE_S = 30;

/** Longest token, in characters. Those of GitHub and GitLab have about 2,000. */
const MAX_LENGTH = 16_384;

/** Longest id of a token, in characters. */
const MAX_ID = 1_000;

/** Token of a CI that is what it says. */
export interface CheckedToken {
  readonly claims: JWTPayload;
  /** Entry by which it is refused from now on. */
  readonly spent: SpentToken;
}

/**
 * Issuer that a token says it is of. Nothing is known to be true about it yet.
 *
 * @throws {PiriError} AUTH_FAILED
 */
export async function issuerIn(token: string): Promise<string> {
  if (token.length > MAX_LENGTH) {
    throw refused(
      `it has ${token.length} characters, and the limit is ${MAX_LENGTH}`,
    );
  }
  const { decodeJwt } = await import("jose");
  let iss: unknown;
  try {
    ({ iss } = decodeJwt(token));
  } catch {
    throw refused("it is no JSON Web Token");
  }
  if (typeof iss === "string") return iss;
  throw refused('it has no "iss"');
}

/**
 * Checks a token: signature, issuer, audience, times and that it can be told from others.
 *
 * @throws {PiriError} AUTH_FAILED with the reason
 */
export async function checkToken(
  token: string,
  { url, audience, keys, now }: {
    readonly url: string;
    readonly audience: string;
    readonly keys: IssuerKeys;
    /** Time of the check, in milliseconds since 1970. */
    readonly now: number;
  },
): Promise<CheckedToken> {
  const { jwtVerify } = await import("jose");
  let claims: JWTPayload;
  try {
    ({ payload: claims } = await jwtVerify(token, keys.find, {
      algorithms: ALGORITHMS,
      issuer: url,
      audience,
      currentDate: new Date(now),
      clockTolerance: TOLERANCE_S,
      maxTokenAge: MAX_AGE_S,
      requiredClaims: ["exp", "iat", "jti"],
    }));
  } catch (error) {
    throw refused(reasonOf(error), error);
  }
  const { aud, iat = 0, jti } = claims;
  // Whoever else it is for could bring it here, too.
  if (typeof aud !== "string" && aud?.length !== 1) {
    throw refused("it is for another audience, too");
  }
  if (typeof jti !== "string" || jti === "" || jti.length > MAX_ID) {
    throw refused(`its "jti" is no text of 1 to ${MAX_ID} characters`);
  }
  return {
    claims,
    spent: {
      hash: sha256(JSON.stringify([url, jti])),
      goodUntil: (iat + MAX_AGE_S + 2 * TOLERANCE_S) * 1_000,
    },
  };
}

/** Error for a token, with the reason, which is for the audit alone. */
export function refused(reason: string, cause?: unknown): PiriError {
  return new PiriError(
    "AUTH_FAILED",
    `Cannot accept the token of the CI: ${reason}`,
    { cause },
  );
}

/** Reasons by the codes of jose. */
const REASONS: Readonly<Record<string, string>> = {
  ERR_JOSE_ALG_NOT_ALLOWED: "its algorithm is not one with a public key",
  ERR_JOSE_NOT_SUPPORTED: "it needs something that is not supported",
  ERR_JWKS_NO_MATCHING_KEY: "its issuer does not have the key that it names",
  ERR_JWKS_MULTIPLE_MATCHING_KEYS: "it does not name the key of its issuer",
  ERR_JWS_SIGNATURE_VERIFICATION_FAILED: "its signature is wrong",
  ERR_JWS_INVALID: "it is no signed JSON Web Token",
  ERR_JWT_INVALID: "it is no JSON Web Token",
};

/** Reasons by the claims that are wrong. */
const CLAIM_REASONS: Readonly<Record<string, string>> = {
  aud: "it is for another audience",
  exp: "it has expired",
  iat: `it is older than ${MAX_AGE_S / 60} minutes, or from the future`,
  iss: "it is of another issuer",
  nbf: "it is not good yet",
};

function reasonOf(error: unknown): string {
  if (error instanceof PiriError) return error.message;
  const { code, claim, reason } = error as {
    code?: string;
    claim?: string;
    reason?: string;
  };
  if (claim !== undefined) {
    return reason === "missing"
      ? `it has no "${claim}"`
      : CLAIM_REASONS[claim] ?? `its "${claim}" is wrong`;
  }
  return REASONS[code ?? ""] ?? "its key cannot be used";
}
