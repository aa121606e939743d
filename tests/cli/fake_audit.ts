import type { MessageInitShape } from "@bufbuild/protobuf";
import type { ServiceImpl } from "@connectrpc/connect";
import type {
  AuditEntry,
  AuditService,
  ExportAuditRequest,
  ListAuditRequest,
  VerifyAuditResponseSchema,
} from "../../proto/gen/piri/control/v1/control_pb.ts";

/** Audit of a fake Manager, and what was asked about it. */
export class FakeAudit {
  readonly requests: (ListAuditRequest | ExportAuditRequest)[] = [];
  entries: AuditEntry[] = [];
  /** Answer to `VerifyAudit`. */
  verdict: MessageInitShape<typeof VerifyAuditResponseSchema> = {};

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
