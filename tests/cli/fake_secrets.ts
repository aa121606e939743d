import type { ConnectRouter } from "@connectrpc/connect";
import {
  type EditSecretRequest,
  type RemoveSecretRequest,
  SecretSchema,
  SecretsService,
  type SetSecretRequest,
} from "../../proto/gen/piri/control/v1/control_pb.ts";
import { create } from "@bufbuild/protobuf";

/** Secrets of a fake Manager, and what was asked about them. */
export class FakeSecrets {
  readonly set: SetSecretRequest[] = [];
  readonly edits: EditSecretRequest[] = [];
  readonly removals: RemoveSecretRequest[] = [];
  known = [
    create(SecretSchema, { name: "deploy-token", forTargets: "@web" }),
    create(SecretSchema, {
      name: "db-password",
      place: { of: { case: "group", value: "db" } },
    }),
  ];

  /** Adds the service to those of the Manager. */
  add(router: ConnectRouter): void {
    router.service(SecretsService, {
      listSecrets: () => ({ secrets: this.known }),
      setSecret: (request) => {
        this.set.push(request);
        return {};
      },
      editSecret: (request) => {
        this.edits.push(request);
        return {};
      },
      removeSecret: (request) => {
        this.removals.push(request);
        return {};
      },
      rotateSecrets: () => ({ files: 2 }),
    });
  }
}
