import type { Asker } from "../../base/asker.ts";
import type { CiKind } from "../../base/ci_kind.ts";
import type { Role } from "../../base/role.ts";
import type { IssuerRecord } from "../../store/issuer_records.ts";
import type { NewRule } from "../../store/operator_records.ts";
import type { LoggedIn } from "./access_api.ts";

/** Issuer to add. */
export interface NewIssuer {
  /** Name of the issuer. */
  readonly name: string;
  /** Kind of the issuer; by the name or the URL if absent. */
  readonly kind?: CiKind | undefined;
  /** URL in its tokens; the one of the public service of its kind if absent. */
  readonly url?: string | undefined;
  /** JSON of its keys; fetched from it if absent. */
  readonly jwks?: string | undefined;
  /** PEM of the authority of its certificate; a public one if absent. */
  readonly ca?: string | undefined;
}

/** Operator that jobs of a CI log in as. */
export interface NewCiOperator {
  /** Name of the operator. */
  readonly name: string;
  /** Role of the operator. */
  readonly role: Role;
  /** Target expression of the agents that it sees; all if empty. */
  readonly see?: string;
  /** First rules. */
  readonly rules: readonly NewRule[];
  /** Name of the issuer. */
  readonly issuer: string;
  /** Claims that a token must have, with equal values. */
  readonly claims: Readonly<Record<string, string>>;
  /** Life of a login in milliseconds; an hour if absent, which is the most. */
  readonly lifeMs?: number | undefined;
}

/** Jobs of a CI that log in without a stored secret, by a token that the CI gives them. */
export interface CiAdmin {
  /** Issuers of such tokens, by name. */
  issuers(): IssuerRecord[];
  /**
   * Adds an issuer. Its keys are fetched at once, if they are not given.
   *
   * @throws {PiriError} INVALID_ARGUMENT; ALREADY_EXISTS; UNAVAILABLE if its keys cannot be fetched
   */
  addIssuer(issuer: NewIssuer, asker?: Asker): Promise<IssuerRecord>;
  /**
   * Changes the keys of an issuer, or the authority of its certificate. What is undefined stays.
   *
   * @throws {PiriError} NOT_FOUND; INVALID_ARGUMENT; UNAVAILABLE if its keys cannot be fetched
   */
  setIssuer(
    name: string,
    change: {
      /** JSON of its keys. */
      readonly jwks: string | undefined;
      /** PEM of the authority of its certificate. */
      readonly ca: string | undefined;
    },
    asker?: Asker,
  ): Promise<IssuerRecord>;
  /**
   * Removes an issuer.
   *
   * @throws {PiriError} NOT_FOUND; FAILED_PRECONDITION while operators log in by it
   */
  removeIssuer(name: string, asker?: Asker): Promise<void>;
  /**
   * Adds an operator, and returns the line for its jobs and the audience of their tokens. Neither is a secret.
   *
   * @throws {PiriError} INVALID_ARGUMENT for a bad name, rule or claim; NOT_FOUND for the issuer; ALREADY_EXISTS;
   * FAILED_PRECONDITION without a control port
   */
  addOperator(
    operator: NewCiOperator,
    asker?: Asker,
  ): Promise<{ readonly line: string; readonly audience: string }>;
  /**
   * Trades a token of a CI, which is good once, for a token.
   *
   * @throws {PiriError} AUTH_FAILED, with one text for every reason: the audit has the reason
   */
  login(
    request: { readonly operator: string; readonly token: string },
    from: string,
  ): Promise<LoggedIn>;
}
