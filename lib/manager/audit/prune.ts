import { type Asker } from "../../base/asker.ts";
import { signCheckpoint } from "../../base/checkpoint.ts";
import type { Clock } from "../../base/clock.ts";
import { PiriError } from "../../base/errors.ts";
import type { Store } from "../../store/store.ts";
import type { AuditCut, PrunedAudit } from "../api/audit_api.ts";
import { auditEntry } from "./audit_entry.ts";
import { verifyAudit, type VerifyOptions } from "./verify.ts";

/** Parts that pruning needs. */
export interface PruneOptions extends VerifyOptions {
  readonly store:
    & VerifyOptions["store"]
    & Pick<Store, "lastAuditBefore" | "pruneAudit">;
  readonly clock: Pick<Clock, "now">;
}

/**
 * Deletes the oldest entries of the audit, and leaves a signed stub. What no checkpoint covers stays.
 *
 * @throws {PiriError} FAILED_PRECONDITION for a Manager without a key, or if the audit is not what was signed
 */
export async function pruneAudit(
  options: PruneOptions,
  cut: AuditCut,
  asker: Asker,
): Promise<PrunedAudit> {
  const { store, clock } = options;
  const key = options.key();
  if (key === undefined) {
    throw new PiriError(
      "FAILED_PRECONDITION",
      "Cannot prune the audit: this Manager has no key to sign what is left of it",
    );
  }
  const { end } = await store.auditState();
  const asked = "keep" in cut
    ? end.id - cut.keep
    : await store.lastAuditBefore(cut.before);
  // Nobody gets rid of what was changed by pruning it.
  const { signal } = new AbortController();
  const { problems: [problem], newest, stub } = await verifyAudit(options, {
    signal,
    answers: [],
  });
  if (problem !== undefined) {
    throw new PiriError(
      "FAILED_PRECONDITION",
      `Cannot prune the audit: ${problem.message}`,
    );
  }
  const before = stub?.count ?? 0n;
  const covered = newest?.count ?? 0n;
  const wanted = asked > before ? asked : before;
  const upTo = wanted < covered ? wanted : covered;
  const [hash = null] = await store.auditHashes([upTo]);
  if (upTo <= before || hash === null) {
    return { deleted: 0n, upTo: before, asked: wanted };
  }
  const at = clock.now();
  const left = signCheckpoint({ count: upTo, hash, at }, {
    kind: "stub",
    managerId: store.managerId,
    key,
  });
  const entry = auditEntry({ act: "PruneAudit", on: [] }, asker, clock);
  const outcome = `entries ${before + 1n} to ${upTo} deleted`;
  await store.pruneAudit(left, { ...entry, outcome });
  return { deleted: upTo - before, upTo, asked: wanted };
}
