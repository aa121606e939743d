import { parseLoginLine } from "../../lib/base/login_line.ts";
import type { Role } from "../../lib/base/role.ts";
import type {
  AccessAdmin,
  Identity,
} from "../../lib/manager/api/access_api.ts";
import type { NewRule } from "../../lib/store/operator_records.ts";

/** Address that operators of tests ask from. */
export const FROM = "192.0.2.7";

/** Rule as a test gives it: it allows all on all agents unless it says otherwise. */
export type GivenRule = Partial<Omit<NewRule, "operator">>;

/** Rule of an operator. */
export function aRule(operator: string, given: GivenRule = {}): NewRule {
  return {
    deny: false,
    onTargets: "all",
    operations: ["*"],
    argv: [],
    most: 0,
    trustFacts: false,
    approve: 0,
    within: "",
    ...given,
    operator,
  };
}

/** Adds an operator that has logged in, and returns its token. */
export async function loggedIn(
  access: AccessAdmin,
  name: string,
  { role = "operator", rules = [{}], see }: {
    readonly role?: Role;
    readonly rules?: readonly GivenRule[];
    readonly see?: string;
  } = {},
): Promise<string> {
  const line = await access.add({
    name,
    role,
    rules: rules.map((rule) => aRule(name, rule)),
    tokenLifeMs: 86_400_000,
    ...see === undefined ? {} : { see },
  });
  const { token } = await access.login(parseLoginLine(line).code, FROM);
  return token;
}

/** Operator of a token that must count. */
export function identityOf(access: AccessAdmin, token: string): Identity {
  const identity = access.admit(token, FROM);
  if (identity === undefined) throw new Error("the token does not count");
  return identity;
}
