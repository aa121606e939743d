import { type Clock, sleep } from "../base/clock.ts";
import type { Reload } from "../base/reload.ts";
import type { AuditMark, AuditRecord } from "../store/audit_records.ts";
import type { Store } from "../store/store.ts";
import type { AuditAdmin, AuditVerdict, Denial } from "./audit_api.ts";
import { auditEntry } from "./audit_entry.ts";
import { Denials } from "./denials.ts";

/** Most entries of one read of an export. */
const PAGE = 1_000;

/** Time between two looks for new entries, in milliseconds. */
const LOOK_MS = 500;

/** Reads the audit, and writes denials into it. Acts are written by the store, in one transaction with what they do. */
export class AuditLog implements AuditAdmin {
  readonly #store: Pick<Store, "auditPage" | "checkAudit" | "recordAudit">;
  readonly #clock: Clock;

  readonly #denials: Denials;

  constructor(
    { store, clock }: {
      readonly store: Pick<Store, "auditPage" | "checkAudit" | "recordAudit">;
      readonly clock: Clock;
    },
  ) {
    this.#store = store;
    this.#clock = clock;
    this.#denials = new Denials({ store, clock });
  }

  denied(denial: Denial): void {
    this.#denials.add(denial);
  }

  /** Records that the configuration is read again. Nothing of it holds unless this is on the disk. */
  async reloads({ changed, later }: Reload): Promise<void> {
    const outcome = [
      ...changed.length === 0 ? [] : [`changed: ${changed.join(", ")}`],
      ...later.length === 0 ? [] : [`at the next start: ${later.join(", ")}`],
    ];
    const entry = auditEntry(
      { act: "Reload", on: [] },
      { requestedBy: "", credential: "signal" },
      this.#clock,
    );
    await this.#store.recordAudit({
      ...entry,
      outcome: outcome.join("; ") || "nothing changed",
    });
  }

  /** Writes what was only counted until now. */
  close(): Promise<void> {
    return this.#denials.close();
  }

  async list(
    { limit, beforeId, ...filter }: Parameters<AuditAdmin["list"]>[0],
  ): Promise<AuditRecord[]> {
    const list: AuditRecord[] = [];
    let from = beforeId;
    do {
      const { entries, reached } = await this.#store.auditPage({
        from,
        direction: "older",
        limit: limit - list.length,
        filter,
      });
      list.push(...entries);
      from = reached;
    } while (from !== undefined && list.length < limit);
    return list;
  }

  async *export(
    { fromId, follow, signal }: Parameters<AuditAdmin["export"]>[0],
  ): AsyncIterable<AuditRecord> {
    let from = fromId - 1n;
    while (!signal.aborted) {
      const { entries, reached } = await this.#store.auditPage({
        from,
        direction: "newer",
        limit: PAGE,
        filter: {},
      });
      yield* entries;
      from = reached ?? entries.at(-1)?.id ?? from;
      if (reached !== undefined) continue;
      if (!follow) return;
      await sleep(this.#clock, LOOK_MS, signal);
    }
  }

  async verify(signal: AbortSignal): Promise<AuditVerdict> {
    let mark: AuditMark | undefined;
    for (;;) {
      signal.throwIfAborted();
      const { reached, done, finding } = await this.#store.checkAudit(mark);
      if (done) return { count: reached.id, finding };
      mark = reached;
    }
  }
}
