import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { Code, type ConnectRouter } from "@connectrpc/connect";
import {
  type AddIssuerRequest,
  type AddOperatorRequest,
  type AddRuleRequest,
  type InviteOperatorRequest,
  type Issuer,
  IssuerSchema,
  IssuersService,
  type LoginFromCiRequest,
  LoginService,
  type Operator,
  OperatorSchema,
  OperatorsService,
  type RemoveRuleRequest,
  RuleSchema,
  type SetIssuerRequest,
  type SetOperatorRequest,
  type TestRuleRequest,
  type TestRuleResponseSchema,
  type WhoAmIResponseSchema,
} from "../../proto/gen/piri/control/v1/control_pb.ts";
import type { PiriError } from "../../lib/base/errors.ts";
import { toConnectError } from "../../lib/api/errors.ts";
import { apiError } from "./fake_watch.ts";

/** An operator as a Manager would answer it. */
export function anOperator(
  given: MessageInitShape<typeof OperatorSchema> = {},
): Operator {
  return create(OperatorSchema, {
    name: "alice",
    role: "operator",
    createdAtMs: BigInt(Date.UTC(2026, 0, 1)),
    ...given,
  });
}

/** Operators of a fake Manager, and what was asked about them. */
export class FakeOperators {
  known: Operator[] = [anOperator()];
  readonly additions: AddOperatorRequest[] = [];
  readonly invitations: InviteOperatorRequest[] = [];
  readonly changes: SetOperatorRequest[] = [];
  readonly removals: string[] = [];
  readonly revoked: bigint[] = [];
  readonly newRules: AddRuleRequest[] = [];
  readonly removedRules: RemoveRuleRequest[] = [];
  readonly tests: TestRuleRequest[] = [];
  /** Codes that were traded. */
  readonly codes: string[] = [];
  issuers: Issuer[] = [
    create(IssuerSchema, { name: "github", kind: "github" }),
  ];
  readonly newIssuers: AddIssuerRequest[] = [];
  readonly changedIssuers: SetIssuerRequest[] = [];
  /** Tokens of a CI that were traded. */
  readonly ciLogins: LoginFromCiRequest[] = [];
  /** Networks of logins. */
  readonly networks: string[] = [];
  /** Number of logouts. */
  logouts = 0;
  /** Answer to `TestRule`. */
  tested: MessageInitShape<typeof TestRuleResponseSchema> = {};
  /** Answer to `WhoAmI`. */
  caller: MessageInitShape<typeof WhoAmIResponseSchema> = { name: "root" };
  /** True if rules are unlimited. */
  unlimited = false;
  /** Refusal of `AddOperator`. */
  unfit: PiriError | undefined;
  /** Refusal of `Login` and `Logout`. */
  refusal: PiriError | undefined;

  /** Adds the services to those of the Manager. */
  add(router: ConnectRouter): void {
    router.service(OperatorsService, {
      listOperators: () => ({ operators: this.known }),
      addOperator: (request) => {
        if (this.unfit !== undefined) throw toConnectError(this.unfit);
        this.additions.push(request);
        return request.ci === undefined
          ? { login: "piri-login1-line-12345678" }
          : { login: "piri-ci1-line-12345678", audience: "piri:m-1" };
      },
      inviteOperator: (request) => {
        this.#require(request.name);
        this.invitations.push(request);
        return { login: "piri-login1-again-12345678" };
      },
      setOperator: (request) => {
        const operator = this.#require(request.name);
        this.changes.push(request);
        const { role = operator.role, suspended = false } = request;
        const { see = operator.see } = request;
        return { operator: { ...operator, role, suspended, see } };
      },
      removeOperator: ({ name }) => {
        this.#require(name);
        this.removals.push(name);
        return {};
      },
      revokeToken: ({ tokenId }) => {
        this.revoked.push(tokenId);
        return {};
      },
      addRule: (request) => {
        this.#require(request.operator);
        this.newRules.push(request);
        const { unlimited } = this;
        const rule = request.rule ?? create(RuleSchema);
        return { rule: { ...rule, number: 1, unlimited } };
      },
      removeRule: (request) => {
        this.#require(request.operator);
        this.removedRules.push(request);
        return {};
      },
      testRule: (request) => {
        this.#require(request.operator);
        this.tests.push(request);
        return this.tested;
      },
    });
    router.service(IssuersService, {
      listIssuers: () => ({ issuers: this.issuers }),
      addIssuer: (request) => {
        this.newIssuers.push(request);
        const { name, kind, url } = request;
        return { issuer: { name, kind, url } };
      },
      setIssuer: (request) => {
        this.changedIssuers.push(request);
        return { issuer: { name: request.name } };
      },
      removeIssuer: ({ name }) => {
        this.issuers = this.issuers.filter((issuer) => issuer.name !== name);
        return {};
      },
    });
    router.service(LoginService, {
      login: ({ code, cidrs }) => {
        this.#refuse();
        this.networks.push(...cidrs);
        this.codes.push(code);
        return {
          token: "piri_op_secret",
          operator: "alice",
          role: "operator",
          expiresAtMs: BigInt(Date.UTC(2026, 0, 31)),
        };
      },
      loginFromCi: (request) => {
        this.#refuse();
        this.ciLogins.push(request);
        return {
          token: "piri_ci_secret",
          operator: request.operator,
          role: "operator",
          expiresAtMs: BigInt(Date.UTC(2026, 0, 1, 1)),
        };
      },
      logout: () => {
        this.#refuse();
        this.logouts++;
        return {};
      },
      whoAmI: () => this.caller,
    });
  }

  #require(name: string): Operator {
    const found = this.known.find((operator) => operator.name === name);
    if (found !== undefined) return found;
    throw apiError(
      "NOT_FOUND",
      `Cannot find operator "${name}"`,
      Code.NotFound,
    );
  }

  #refuse(): void {
    if (this.refusal !== undefined) throw toConnectError(this.refusal);
  }
}
