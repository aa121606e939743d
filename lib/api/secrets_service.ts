import type { ConnectRouter } from "@connectrpc/connect";
import {
  type SecretPlace as PlaceMessage,
  SecretsService,
} from "../../proto/gen/piri/control/v1/control_pb.ts";
import { Sealed } from "../base/sealed.ts";
import type { Manager } from "../manager/api/operator_api.ts";
import type { SecretPlace } from "../manager/api/secret_api.ts";
import { invalid, requireText, saidIn } from "./checks.ts";
import type { Proofs } from "./proofs.ts";

/** Longest target expression, in characters. */
const MAX_EXPRESSION = 10_000;

/** Serves the SecretsService. */
export function addSecretsService(
  router: ConnectRouter,
  { secrets }: Manager,
  proofs: Proofs,
): void {
  router.service(SecretsService, {
    async listSecrets() {
      const list = await secrets.list();
      return {
        secrets: list.map(({ place, ...secret }) => ({
          ...secret,
          place: placeMessage(place),
        })),
      };
    },
    async setSecret(request, context) {
      const asker = await proofs.asker(context, saidIn(request));
      const { forTargets } = request;
      await secrets.set({
        name: requireText("name", request.name),
        place: placeOf(request.place),
        value: new Sealed(request.value),
        forTargets: forTargets === undefined
          ? undefined
          : targetsOf(forTargets),
      }, asker);
      return {};
    },
    async editSecret(request, context) {
      const asker = await proofs.asker(context, saidIn(request));
      await secrets.edit({
        name: requireText("name", request.name),
        place: placeOf(request.place),
        forTargets: targetsOf(request.forTargets),
      }, asker);
      return {};
    },
    async removeSecret(request, context) {
      const asker = await proofs.asker(context, saidIn(request));
      await secrets.remove({
        name: requireText("name", request.name),
        place: placeOf(request.place),
      }, asker);
      return {};
    },
    async rotateSecrets(request, context) {
      const asker = await proofs.asker(context, saidIn(request));
      return { files: await secrets.rotate(asker) };
    },
  });
}

function placeOf(message: PlaceMessage | undefined): SecretPlace {
  const of = message?.of;
  if (of?.case === undefined) return { kind: "all" };
  return { kind: of.case, name: requireText(`place.${of.case}`, of.value) };
}

function placeMessage(place: SecretPlace) {
  return place.kind === "all"
    ? {}
    : { of: { case: place.kind, value: place.name } };
}

function targetsOf(expression: string): string {
  if (expression.length <= MAX_EXPRESSION) return expression;
  throw invalid(
    "for_targets",
    `it has ${expression.length} characters, and the limit is ${MAX_EXPRESSION}`,
  );
}
