import type { CiKind } from "../base/ci_kind.ts";

/** Issuer of tokens of CI jobs, as the database has it. */
export interface IssuerRecord {
  /** Name, which operators are added by. */
  readonly name: string;
  /** Kind of CI, which tells the claims that operators need. */
  readonly kind: CiKind;
  /** URL in its tokens. */
  readonly url: string;
  /** JSON of its keys, if they were given; null if they are fetched. */
  readonly jwks: string | null;
  /** PEM of the authority of its certificate; null for a public one. */
  readonly ca: string | null;
  /** Time at which it was added, in milliseconds since 1970. */
  readonly createdAt: number;
}

/** Change of issuers. */
export type IssuerChange =
  | { readonly kind: "add"; readonly issuer: IssuerRecord }
  | {
    /** Changes what is not undefined. */
    readonly kind: "set";
    readonly name: string;
    readonly jwks: string | undefined;
    readonly ca: string | undefined;
  }
  | { readonly kind: "remove"; readonly name: string };

/** Jobs of a CI that log in as an operator. */
export interface CiRecord {
  /** Name of the issuer of their tokens. */
  readonly issuer: string;
  /** Claims that a token must have, with equal values. */
  readonly claims: Readonly<Record<string, string>>;
  /** Life of a login in milliseconds. */
  readonly lifeMs: number;
}

/** Token of a CI that is taken, and never again. */
export interface SpentToken {
  /** SHA-256 of what makes it different from all others. */
  readonly hash: Uint8Array;
  /** Time from which on it is refused anyway, in milliseconds since 1970. */
  readonly goodUntil: number;
}
