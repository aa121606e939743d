import { create } from "@bufbuild/protobuf";
import type { ConnectRouter } from "@connectrpc/connect";
import {
  LoginFromCiResponseSchema,
  LoginResponseSchema,
  LoginService,
} from "../../proto/gen/piri/control/v1/control_pb.ts";
import { PiriError } from "../base/errors.ts";
import type { Manager } from "../manager/api/operator_api.ts";
import { identityIn, originIn } from "./caller.ts";
import { requireText, saidIn } from "./checks.ts";
import { operatorMessage } from "./operator_message.ts";
import type { Proofs } from "./proofs.ts";
import { milliseconds } from "./values.ts";

/** Serves the LoginService. */
export function addLoginService(
  router: ConnectRouter,
  { access, ci }: Manager,
  proofs: Proofs,
): void {
  router.service(LoginService, {
    async login({ code, cidrs }, { values }) {
      const { expiresAt, ...made } = await access.login(
        requireText("code", code),
        originIn(values),
        cidrs,
      );
      return create(LoginResponseSchema, {
        ...made,
        expiresAtMs: milliseconds(expiresAt),
      });
    },
    async loginFromCi({ operator, token }, { values }) {
      const { expiresAt, ...made } = await ci.login(
        { operator: requireText("operator", operator), token },
        originIn(values),
      );
      return create(LoginFromCiResponseSchema, {
        ...made,
        expiresAtMs: milliseconds(expiresAt),
      });
    },
    async logout(request, context) {
      const identity = identityIn(context.values);
      if (identity === undefined) {
        throw new PiriError(
          "FAILED_PRECONDITION",
          "Cannot log out: this request came without a token",
        );
      }
      const asker = await proofs.asker(context, saidIn(request));
      await access.logout(identity.tokenId, asker);
      return {};
    },
    async whoAmI(_, context) {
      const identity = identityIn(context.values);
      if (identity !== undefined) {
        const { name } = identity;
        const operator = access.list().find((each) => each.name === name);
        return {
          name,
          ...operator === undefined
            ? {}
            : { operator: operatorMessage(operator) },
        };
      }
      const { requestedBy } = await proofs.asker(context, "");
      return { name: requestedBy };
    },
  });
}
