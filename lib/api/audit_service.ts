import { create } from "@bufbuild/protobuf";
import type { ConnectRouter } from "@connectrpc/connect";
import {
  type AuditEntry,
  AuditEntrySchema,
  AuditService,
  type PruneAuditRequest,
  type VerifyAuditResponse,
  VerifyAuditResponseSchema,
} from "../../proto/gen/piri/control/v1/control_pb.ts";
import type { Checkpoint } from "../base/checkpoint.ts";
import type { AuditCut, AuditVerdict } from "../manager/api/audit_api.ts";
import type { Manager } from "../manager/api/operator_api.ts";
import type { AuditRecord } from "../store/audit_records.ts";
import { rightsIn } from "./caller.ts";
import {
  invalid,
  limitText,
  requireId,
  requireRange,
  saidIn,
} from "./checks.ts";
import type { Proofs } from "./proofs.ts";
import { selectionOf } from "./target_message.ts";
import { milliseconds, optional } from "./values.ts";

const DEFAULT_LIMIT = 100;
const MAX_LIMIT = 1_000;

/** Serves the AuditService. */
export function addAuditService(
  router: ConnectRouter,
  { audit }: Manager,
  proofs: Proofs,
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
      return verdictMessage(await audit.verify(signal));
    },
    async verifyWithAgents(request, context) {
      const { signal, values } = context;
      const targets = selectionOf(request.targets);
      const asker = await proofs.asker(context, saidIn(request));
      const ask = { targets, ...asker, ...rightsIn(values) };
      const verdict = await audit.verify(signal, ask);
      return { verdict: verdictMessage(verdict), words: [...verdict.agents] };
    },
    async pruneAudit(request, context) {
      const cut = cutOf(request);
      return await audit.prune(
        cut,
        await proofs.asker(context, saidIn(request)),
      );
    },
  });
}

function cutOf({ cut }: PruneAuditRequest): AuditCut {
  switch (cut.case) {
    case "beforeMs":
      return { before: Number(cut.value) };
    case "keep":
      if (cut.value >= 0n) return { keep: cut.value };
      throw invalid("keep", `${cut.value} is below 0`);
    default:
      throw invalid("cut", "it is missing");
  }
}

function verdictMessage(
  { count, finding, problems, checkpoints, newest, stub }: AuditVerdict,
): VerifyAuditResponse {
  return create(VerifyAuditResponseSchema, {
    count,
    ...optional("finding", finding ?? null),
    findings: problems.map(({ agents, commandId, ...same }) => ({
      ...same,
      agents: [...agents],
      ...optional("commandId", commandId ?? null),
    })),
    checkpoints,
    ...optional("newest", newest === undefined ? null : signed(newest)),
    ...optional("stub", stub === undefined ? null : signed(stub)),
  });
}

function signed({ at, ...same }: Checkpoint) {
  return { ...same, atMs: milliseconds(at) };
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
