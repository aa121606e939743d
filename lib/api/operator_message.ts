import { create } from "@bufbuild/protobuf";
import {
  type Operator,
  OperatorSchema,
  type Rule,
  RuleSchema,
} from "../../proto/gen/piri/control/v1/control_pb.ts";
import type { OperatorView, RuleView } from "../manager/api/access_api.ts";
import { milliseconds, timestamp } from "./values.ts";

/** An operator as a message of the API. */
export function operatorMessage(operator: OperatorView): Operator {
  const { name, role, suspended, see, createdAt, tokens, rules, ci } = operator;
  return create(OperatorSchema, {
    name,
    role,
    suspended,
    see,
    createdAtMs: milliseconds(createdAt),
    tokens: tokens.map((token) => ({
      id: BigInt(token.id),
      createdAtMs: milliseconds(token.createdAt),
      expiresAtMs: milliseconds(token.expiresAt),
      ...timestamp("usedAtMs", token.usedAt),
      usedFrom: token.usedFrom,
      isCode: token.isCode,
      run: token.run,
      cidrs: [...token.cidrs],
    })),
    rules: rules.map(ruleMessage),
    ...ci === null
      ? {}
      : { ci: { issuer: ci.issuer, claims: { ...ci.claims } } },
  });
}

/** A rule as a message of the API. */
export function ruleMessage(rule: RuleView): Rule {
  return create(RuleSchema, {
    number: rule.number,
    deny: rule.deny,
    on: rule.onTargets,
    operations: [...rule.operations],
    argv: [...rule.argv],
    max: rule.most,
    trustFacts: rule.trustFacts,
    within: rule.within,
    approve: rule.approve,
    unlimited: rule.unlimited,
  });
}
