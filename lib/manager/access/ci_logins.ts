import { type Asker, NOBODY } from "../../base/asker.ts";
import { encodeCiLine } from "../../base/ci_line.ts";
import type { Clock } from "../../base/clock.ts";
import type { Counters } from "../../base/counters.ts";
import { codeOf, messageOf, PiriError } from "../../base/errors.ts";
import type { Random } from "../../base/random.ts";
import { newToken } from "../../base/operator_token.ts";
import { hashSecret } from "../../base/secret.ts";
import type { IssuerRecord } from "../../store/issuer_records.ts";
import type { OperatorRecord } from "../../store/operator_records.ts";
import type { Store } from "../../store/store.ts";
import type { LoggedIn } from "../api/access_api.ts";
import { auditEntry } from "../audit/audit_entry.ts";
import type { CiAdmin, NewCiOperator, NewIssuer } from "../api/ci_api.ts";
import type { Access } from "./access.ts";
import { checkClaims, runText, unequalClaim } from "./ci_claims.ts";
import { type CheckedToken, checkToken, issuerIn, refused } from "./ci_jwt.ts";
import type { FetchText } from "./issuer_keys.ts";
import { Issuers } from "./issuers.ts";
import { checkNew } from "./known_operator.ts";
import { checkSight } from "./sight.ts";
import { RefusedLogins } from "./refused_logins.ts";

/** Begin of each token for a job of a CI, by which scanners find one that leaked. */
export const CI_TOKEN_PREFIX = "piri_ci_";

/** Longest life of a token for a job of a CI, in milliseconds. */
const MAX_LIFE_MS = 3_600_000;

export interface CiLoginsOptions {
  readonly store: Pick<
    Store,
    "managerId" | "issuers" | "changeIssuers" | "recordAudit"
  >;
  readonly clock: Clock;
  readonly random: Random;
  readonly counters: Counters;
  readonly access: Pick<Access, "operator" | "change" | "requirePlace">;
  readonly fetchText: FetchText;
}

/** Operator that jobs of a CI log in as. */
type CiOperator = OperatorRecord & {
  readonly ci: NonNullable<OperatorRecord["ci"]>;
};

/** Logins of CI jobs by tokens that the CI gives them. */
export class CiLogins implements CiAdmin {
  readonly #options: CiLoginsOptions;
  readonly #issuers: Issuers;
  readonly #refused: RefusedLogins;

  constructor(options: CiLoginsOptions) {
    this.#options = options;
    this.#issuers = new Issuers(options);
    this.#refused = new RefusedLogins(options);
  }

  /** Audience that the tokens must have: no other service takes them, and no other Manager. */
  get audience(): string {
    return `piri:${this.#options.store.managerId}`;
  }

  /** Loads what the database has. Called once. */
  async load(): Promise<void> {
    await this.#issuers.load();
  }

  issuers(): IssuerRecord[] {
    return this.#issuers.list();
  }

  addIssuer(issuer: NewIssuer, asker?: Asker): Promise<IssuerRecord> {
    return this.#issuers.add(issuer, asker);
  }

  setIssuer(
    ...args: Parameters<CiAdmin["setIssuer"]>
  ): Promise<IssuerRecord> {
    return this.#issuers.set(...args);
  }

  removeIssuer(name: string, asker?: Asker): Promise<void> {
    return this.#issuers.remove(name, asker);
  }

  async addOperator(
    operator: NewCiOperator,
    asker: Asker = NOBODY,
  ): Promise<{ line: string; audience: string }> {
    const { name, role, rules, issuer, claims, see = "" } = operator;
    const { lifeMs = MAX_LIFE_MS } = operator;
    const { access, clock } = this.#options;
    const { kind } = this.#issuers.require(issuer);
    checkNew(name, rules);
    checkClaims(name, kind, claims);
    checkSight(see, role);
    if (lifeMs > MAX_LIFE_MS) {
      throw new PiriError(
        "INVALID_ARGUMENT",
        `Cannot add operator "${name}": a login from a CI lasts an hour at most`,
      );
    }
    const place = access.requirePlace();
    const ci = { issuer, claims, lifeMs };
    const statement = { role, rules, see, ci };
    await access.change(
      {
        kind: "add",
        operator: { name, role, see, createdAt: clock.now() },
        rules,
        ci,
      },
      auditEntry({ act: "AddOperator", on: [name], statement }, asker, clock),
    );
    const { audience } = this;
    const line = encodeCiLine({ ...place, operator: name, audience });
    return { line, audience };
  }

  async login(
    { operator: name, token }: { operator: string; token: string },
    from: string,
  ): Promise<LoggedIn> {
    let run = "";
    try {
      const { record, checked } = await this.#check(token);
      run = runText(record, checked.claims);
      const operator = this.#operatorFor(name, record, checked);
      return await this.#take(operator, { checked, run, from });
    } catch (error) {
      if (!["AUTH_FAILED", "NOT_FOUND"].includes(codeOf(error))) throw error;
      await this.#refused.note({
        operator: name,
        reason: messageOf(error),
        credential: run,
        from,
      });
      throw new PiriError(
        "AUTH_FAILED",
        "Cannot log in: the token of the CI is not accepted here",
      );
    }
  }

  async #check(
    token: string,
  ): Promise<{ record: IssuerRecord; checked: CheckedToken }> {
    const url = await issuerIn(token);
    const issuer = this.#issuers.at(url);
    if (issuer === undefined) throw refused("its issuer is not known here");
    const { record, keys } = issuer;
    const { audience } = this;
    const now = this.#options.clock.now();
    const checked = await checkToken(token, { url, audience, keys, now });
    return { record, checked };
  }

  /** @throws {PiriError} AUTH_FAILED */
  #operatorFor(
    name: string,
    issuer: IssuerRecord,
    { claims }: CheckedToken,
  ): CiOperator {
    const operator = this.#options.access.operator(name);
    const ci = operator?.ci;
    if (!operator || !ci || ci.issuer !== issuer.name) {
      throw refused("no such operator logs in by tokens of its issuer");
    }
    if (operator.suspended) throw refused("its operator is suspended");
    const unequal = unequalClaim(ci.claims, claims);
    if (unequal !== undefined) throw refused(unequal);
    return { ...operator, ci };
  }

  async #take(
    { name, role, ci: { lifeMs } }: CiOperator,
    { checked: { spent }, run, from }: {
      readonly checked: CheckedToken;
      readonly run: string;
      readonly from: string;
    },
  ): Promise<LoggedIn> {
    const { access, clock, random } = this.#options;
    const secret = newToken(CI_TOKEN_PREFIX, random);
    const createdAt = clock.now();
    const token = {
      operator: name,
      hash: hashSecret(secret),
      isCode: false,
      lifeMs,
      cidrs: [],
      createdAt,
      expiresAt: createdAt + lifeMs,
    };
    await access.change(
      { kind: "takeCiToken", spent, token, run, from },
      auditEntry(
        { act: "LoginFromCi", on: [name] },
        { requestedBy: name, credential: run, origin: from },
        clock,
      ),
    );
    const { expiresAt } = token;
    return { token: secret, operator: name, role, expiresAt };
  }
}
