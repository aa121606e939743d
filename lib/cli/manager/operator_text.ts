import type {
  Operator,
  OperatorToken,
} from "../../../proto/gen/piri/control/v1/control_messages.ts";
import { isoTime } from "../time.ts";
import { text, time } from "./json_values.ts";
import { ruleJson } from "./rule_text.ts";

/** An operator as JSON. */
export function operatorJson(operator: Operator): Record<string, unknown> {
  const { name, role, suspended, see, createdAtMs, tokens, rules, ci } =
    operator;
  return {
    name,
    role,
    suspended,
    see: text(see),
    createdAt: isoTime(createdAtMs),
    tokens: tokens.map(tokenJson),
    rules: rules.map(ruleJson),
    from: ci?.issuer ?? null,
    claims: ci === undefined ? null : { ...ci.claims },
  };
}

/** A token as JSON. The token itself is known to nobody but its owner. */
export function tokenJson(token: OperatorToken): Record<string, unknown> {
  return {
    id: String(token.id),
    kind: kindOf(token),
    createdAt: isoTime(token.createdAtMs),
    expiresAt: isoTime(token.expiresAtMs),
    usedAt: time(token.usedAtMs),
    usedFrom: text(token.usedFrom),
    run: text(token.run),
    cidrs: token.cidrs,
  };
}

/** A code stands in a login line; a token came for one. */
export function kindOf({ isCode }: OperatorToken): "code" | "token" {
  return isCode ? "code" : "token";
}
