import type { ConnectRouter } from "@connectrpc/connect";
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import {
  EnrolmentService,
  type JoinToken,
  JoinTokenSchema,
  type PendingAgent,
  PendingAgentSchema,
} from "../../proto/gen/piri/control/v1/control_pb.ts";

/** A join token for many hosts, as a Manager tells it. */
export function aJoinToken(
  given: MessageInitShape<typeof JoinTokenSchema> = {},
): JoinToken {
  return create(JoinTokenSchema, {
    id: 3n,
    uses: 50n,
    used: 2n,
    name: "web-*",
    groups: ["web"],
    cidrs: ["10.0.0.0/8"],
    createdBy: "alice",
    createdAtMs: 1_000n,
    expiresAtMs: 4_102_444_800_000n,
    ...given,
  });
}

/** A host that waits to be accepted, as a Manager tells it. */
export function aPendingAgent(
  given: MessageInitShape<typeof PendingAgentSchema> = {},
): PendingAgent {
  return create(PendingAgentSchema, {
    name: "web-9",
    state: "waiting",
    fingerprint: "SHA256:abc",
    token: 3n,
    address: "192.0.2.7",
    version: "0.1.0",
    facts: { os: "linux" },
    askedAtMs: 1_000n,
    lastAtMs: 2_000n,
    ...given,
  });
}

/** Join tokens of a fake Manager, and hosts that wait. */
export class FakeEnrolment {
  tokens: JoinToken[] = [];
  pending: PendingAgent[] = [];

  /** Adds the service to those of the Manager. */
  add(router: ConnectRouter): void {
    router.service(EnrolmentService, {
      listTokens: () => ({ tokens: this.tokens }),
      listPending: () => ({ pending: this.pending }),
    });
  }
}
