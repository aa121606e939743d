import { create, type MessageInitShape } from "@bufbuild/protobuf";
import type { ConnectRouter } from "@connectrpc/connect";
import {
  type Approval,
  ApprovalSchema,
  ApprovalsService,
  ApprovalState,
  type ApproveRequest,
  type ListApprovalsRequest,
  type RejectRequest,
  type SignRequest,
} from "../../proto/gen/piri/control/v1/control_pb.ts";

/** An approval that waits, as a Manager tells it. */
export function anApproval(
  given: MessageInitShape<typeof ApprovalSchema> = {},
): Approval {
  return create(ApprovalSchema, {
    id: 7n,
    state: ApprovalState.WAITING,
    needed: 1,
    statement: '{"limits":{},"names":["web-1"],"secrets":[]}',
    statementSha256: new Uint8Array(32),
    operation: "command.Run",
    params: '{"argv":["uptime"]}',
    agents: ["web-1"],
    requestedBy: "alice",
    createdAtMs: 1_000n,
    expiresAtMs: 3_601_000n,
    ...given,
  });
}

/** Approvals of a fake Manager, and what was asked about them. */
export class FakeApprovals {
  readonly asked: (
    | ListApprovalsRequest
    | ApproveRequest
    | RejectRequest
    | SignRequest
  )[] = [];
  /** Answers, one after the other, to who watches. */
  news: Approval[] = [];
  known: Approval[] = [];
  /** Number of withdrawals. */
  withdrawn = 0;

  async *#tell() {
    for await (const approval of this.news) yield { approval };
  }

  /** Adds the service to those of the Manager. */
  add(router: ConnectRouter): void {
    const approval = () => this.known[0] ?? anApproval();
    router.service(ApprovalsService, {
      listApprovals: (request) => {
        this.asked.push(request);
        return { approvals: this.known };
      },
      getApproval: () => ({ approval: approval() }),
      watchApproval: () => this.#tell(),
      approve: (request) => {
        this.asked.push(request);
        return { approval: approval() };
      },
      sign: (request) => {
        this.asked.push(request);
        return { approval: approval() };
      },
      reject: (request) => {
        this.asked.push(request);
        return { approval: approval() };
      },
      withdraw: () => {
        this.withdrawn++;
        return { approval: approval() };
      },
    });
  }
}
