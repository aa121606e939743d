import type { MessageInitShape } from "@bufbuild/protobuf";
import type { ServiceImpl } from "@connectrpc/connect";
import type {
  AuditEntry,
  AuditService,
  ExportAuditRequest,
  ListAuditRequest,
  PruneAuditRequest,
  PruneAuditResponseSchema,
  VerifyAuditResponseSchema,
  VerifyWithAgentsRequest,
  VerifyWithAgentsResponseSchema,
} from "../../proto/gen/piri/control/v1/control_pb.ts";

/** Audit of a fake Manager, and what was asked about it. */
export class FakeAudit {
  readonly requests: (
    | ListAuditRequest
    | ExportAuditRequest
    | VerifyWithAgentsRequest
    | PruneAuditRequest
  )[] = [];
  entries: AuditEntry[] = [];
  /** Answer to `VerifyAudit`. */
  verdict: MessageInitShape<typeof VerifyAuditResponseSchema> = {};
  /** Words of agents in the answer to `VerifyWithAgents`. */
  words: NonNullable<
    MessageInitShape<typeof VerifyWithAgentsResponseSchema>["words"]
  > = [];
  /** Answer to `PruneAudit`. */
  pruned: MessageInitShape<typeof PruneAuditResponseSchema> = {};

  readonly service: ServiceImpl<typeof AuditService> = {
    listAudit: (request) => {
      this.requests.push(request);
      return { entries: this.entries };
    },
    exportAudit: (request, { signal }) => {
      this.requests.push(request);
      return told(this.entries, request.follow, signal);
    },
    verifyAudit: () => this.verdict,
    verifyWithAgents: (request) => {
      this.requests.push(request);
      return { verdict: this.verdict, words: this.words };
    },
    pruneAudit: (request) => {
      this.requests.push(request);
      return this.pruned;
    },
  };
}

/** Tells entries, and waits with `follow` until the reader leaves. */
async function* told(
  entries: readonly AuditEntry[],
  follow: boolean,
  signal: AbortSignal,
) {
  for (const entry of entries) yield { entry };
  if (!follow) return;
  await new Promise((resolve) => signal.addEventListener("abort", resolve));
}
