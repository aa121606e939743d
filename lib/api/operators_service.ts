import type { ConnectRouter } from "@connectrpc/connect";
import {
  OperatorsService,
  type Rule,
} from "../../proto/gen/piri/control/v1/control_pb.ts";
import { PiriError } from "../base/errors.ts";
import { type Role, ROLES } from "../base/role.ts";
import type { Manager } from "../manager/api/operator_api.ts";
import type { NewRule } from "../store/operator_records.ts";
import { identityIn } from "./caller.ts";
import {
  invalid,
  limitText,
  requireExpiry,
  requireItems,
  requireJsonObject,
  requireText,
  saidIn,
} from "./checks.ts";
import { operatorMessage, ruleMessage } from "./operator_message.ts";
import type { Proofs } from "./proofs.ts";
import { selectionOf } from "./target_message.ts";

/** Life of a token by default, in milliseconds: 30 days. */
const TOKEN_MS = 2_592_000_000;

/** Most words of a rule's arguments, and most operations of a rule. */
const MAX_WORDS = 100;

/** Longest target expression of a rule, in characters. */
const MAX_EXPRESSION = 10_000;

/** Serves the OperatorsService. */
export function addOperatorsService(
  router: ConnectRouter,
  { access, ci }: Manager,
  proofs: Proofs,
): void {
  router.service(OperatorsService, {
    listOperators() {
      return { operators: access.list().map(operatorMessage) };
    },
    async addOperator(request, context) {
      const asker = await proofs.asker(context, saidIn(request));
      const name = requireText("name", request.name);
      const operator = {
        name,
        role: roleOf(request.role),
        rules: request.rules.map((rule) => ruleOf(name, rule)),
        see: seeOf(request.see),
      };
      if (request.ci !== undefined) {
        const { issuer, claims } = request.ci;
        const lifeMs = requireExpiry(request.tokenExpiresInMs);
        const { line, audience } = await ci.addOperator(
          { ...operator, issuer, claims, lifeMs },
          asker,
        );
        return { login: line, audience };
      }
      const login = await access.add({
        ...operator,
        tokenLifeMs: lifeOf(request.tokenExpiresInMs),
        cidrs: cidrsOf(request.cidrs),
      }, asker);
      return { login };
    },
    async inviteOperator(request, context) {
      const asker = await proofs.asker(context, saidIn(request));
      const bounds = {
        tokenLifeMs: lifeOf(request.tokenExpiresInMs),
        cidrs: cidrsOf(request.cidrs),
      };
      const name = requireText("name", request.name);
      // Another token could have fewer bounds than that of the caller.
      refuseOneself(name, identityIn(context.values)?.name);
      return { login: await access.invite(name, bounds, asker) };
    },
    async setOperator(request, context) {
      const { name, role, suspended, see } = request;
      refuseOneself(name, identityIn(context.values)?.name);
      const asker = await proofs.asker(context, saidIn(request));
      const operator = await access.set(requireText("name", name), {
        role: role === undefined ? undefined : roleOf(role),
        suspended,
        see: see === undefined ? undefined : seeOf(see),
      }, asker);
      return { operator: operatorMessage(operator) };
    },
    async removeOperator(request, context) {
      const asker = await proofs.asker(context, saidIn(request));
      await access.remove(requireText("name", request.name), asker);
      return {};
    },
    async revokeToken(request, context) {
      const asker = await proofs.asker(context, saidIn(request));
      await access.revoke(Number(request.tokenId), asker);
      return {};
    },
    async addRule(request, context) {
      const { operator, rule } = request;
      refuseOneself(operator, identityIn(context.values)?.name);
      const asker = await proofs.asker(context, saidIn(request));
      if (rule === undefined) throw invalid("rule", "it is absent");
      const added = await access.addRule(
        ruleOf(requireText("operator", operator), rule),
        asker,
      );
      return { rule: ruleMessage(added) };
    },
    async removeRule(request, context) {
      const { operator, number } = request;
      refuseOneself(operator, identityIn(context.values)?.name);
      const asker = await proofs.asker(context, saidIn(request));
      await access.removeRule(
        requireText("operator", operator),
        number,
        asker,
      );
      return {};
    },
    async testRule({ operator, selection, operation, params, atMs }) {
      const { allowed, reason } = await access.test(
        requireText("operator", operator),
        selectionOf(selection),
        {
          operation: requireText("operation", operation),
          params: requireJsonObject("params", params),
        },
        atMs === undefined ? undefined : Number(atMs),
      );
      return { allowed, reason };
    },
  });
}

/** No admin changes own rights. */
function refuseOneself(name: string, caller: string | undefined): void {
  if (name !== caller) return;
  throw new PiriError(
    "DENIED",
    `Cannot change the rights of "${name}": nobody changes their own`,
  );
}

function roleOf(text: string): Role {
  const role = ROLES.find((each) => each === text);
  if (role !== undefined) return role;
  throw invalid("role", `"${text}" is not one of ${ROLES.join(", ")}`);
}

function lifeOf(ms: bigint | undefined): number {
  return requireExpiry(ms) ?? TOKEN_MS;
}

function seeOf(see: string): string {
  checkExpression("see", see);
  return see;
}

function cidrsOf(cidrs: readonly string[]): readonly string[] {
  if (cidrs.length <= MAX_WORDS) return cidrs;
  throw invalid("cidrs", `there are over ${MAX_WORDS}`);
}

function checkExpression(field: string, text: string): void {
  if (text.length <= MAX_EXPRESSION) return;
  throw invalid(
    field,
    `it has ${text.length} characters, and the limit is ${MAX_EXPRESSION}`,
  );
}

function ruleOf(operator: string, rule: Rule): NewRule {
  const { deny, on, operations, argv, max, trustFacts, within, approve } = rule;
  checkExpression("on", on);
  for (const words of [operations, argv]) {
    if (words.length > MAX_WORDS) {
      throw invalid("rule", `it has over ${MAX_WORDS} words`);
    }
  }
  return {
    operator,
    deny,
    onTargets: on,
    operations: requireItems("operations", operations),
    argv,
    most: max,
    trustFacts,
    within: limitText("within", within),
    approve,
  };
}
