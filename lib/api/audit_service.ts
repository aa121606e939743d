import { create } from "@bufbuild/protobuf";
import type { ConnectRouter } from "@connectrpc/connect";
import {
  type AuditEntry,
  AuditEntrySchema,
  AuditService,
} from "../../proto/gen/piri/control/v1/control_pb.ts";
import type { Manager } from "../manager/operator_api.ts";
import type { AuditRecord } from "../store/audit_records.ts";
import { limitText, requireId, requireRange } from "./checks.ts";
import { milliseconds, optional } from "./values.ts";

const DEFAULT_LIMIT = 100;
const MAX_LIMIT = 1_000;

/** Serves the AuditService. */
export function addAuditService(
  router: ConnectRouter,
  { audit }: Manager,
): void {
  router.service(AuditService, {
    async listAudit({ limit = DEFAULT_LIMIT, beforeId, sinceMs, ...texts }) {
      const entries = await audit.list({
        limit: requireRange("limit", limit, { least: 1, most: MAX_LIMIT }),
        beforeId: beforeId === undefined
          ? undefined
          : requireId("before_id", beforeId),
        who: filterText("who", texts.who),
        act: filterText("act", texts.act),
        target: filterText("on", texts.on),
        since: sinceMs === undefined ? undefined : Number(sinceMs),
      });
      return { entries: entries.map(entryMessage) };
    },
    async *exportAudit({ fromId = 1n, follow }, { signal }) {
      const entries = audit.export({
        fromId: requireId("from_id", fromId),
        follow,
        signal,
      });
      for await (const entry of entries) yield { entry: entryMessage(entry) };
    },
    async verifyAudit(_, { signal }) {
      const { count, finding } = await audit.verify(signal);
      return { count, ...optional("finding", finding ?? null) };
    },
  });
}

function filterText(field: string, text: string): string | undefined {
  return text === "" ? undefined : limitText(field, text);
}

function entryMessage(entry: AuditRecord): AuditEntry {
  const { at, origin, target, statement, ...same } = entry;
  return create(AuditEntrySchema, {
    ...same,
    atMs: milliseconds(at),
    from: origin,
    on: target,
    ...optional("statement", statement),
  });
}
