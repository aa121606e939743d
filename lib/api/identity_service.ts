import type { ConnectRouter } from "@connectrpc/connect";
import { IdentityService } from "../../proto/gen/piri/control/v1/control_pb.ts";
import { limitText } from "./checks.ts";
import type { Proofs } from "./proofs.ts";

/** Serves the IdentityService. */
export function addIdentityService(
  router: ConnectRouter,
  proofs: Proofs,
): void {
  router.service(IdentityService, {
    async newProof({ sudoUser }) {
      return { name: await proofs.give(limitText("sudo_user", sudoUser)) };
    },
  });
}
