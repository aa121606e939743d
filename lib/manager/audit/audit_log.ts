import type { Asker } from "../../base/asker.ts";
import { type Clock, sleep } from "../../base/clock.ts";
import { PiriError } from "../../base/errors.ts";
import type { Reload } from "../../base/reload.ts";
import type { SigningKey } from "../../base/signing_key.ts";
import { Turns } from "../../base/turns.ts";
import type { AuditRecord } from "../../store/audit_records.ts";
import type { Store } from "../../store/store.ts";
import type {
  AskAgents,
  AuditAdmin,
  AuditCut,
  AuditVerdict,
  Denial,
  PrunedAudit,
} from "../api/audit_api.ts";
import type { AgentAnswer } from "./agent_answer.ts";
import { askAgents, type AskParts } from "./ask_agents.ts";
import { pruneAudit } from "./prune.ts";
import { verifyAudit } from "./verify.ts";
import { auditEntry } from "./audit_entry.ts";
import { Denials } from "./denials.ts";

/** Most entries of one read of an export. */
const PAGE = 1_000;

/** Time between two looks for new entries, in milliseconds. */
const LOOK_MS = 500;

/** Parts that the audit needs. */
export interface AuditLogOptions {
  readonly store: Store;
  readonly clock: Clock;
  /** Key that signs now; undefined for a Manager without one. */
  readonly key: () => SigningKey | undefined;
}

/** Reads the audit, and writes denials into it. Acts are written by the store, in one transaction with what they do. */
export class AuditLog implements AuditAdmin {
  readonly #options: AuditLogOptions;
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #denials: Denials;
  readonly #turns = new Turns();
  #askParts: Omit<AskParts, "managerId"> | undefined;

  constructor(options: AuditLogOptions) {
    const { store, clock } = options;
    this.#options = options;
    this.#store = store;
    this.#clock = clock;
    this.#denials = new Denials({ store, clock });
  }

  /** Names the parts by which agents are asked. */
  askBy(parts: Omit<AskParts, "managerId">): void {
    this.#askParts = parts;
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

  async verify(signal: AbortSignal, ask?: AskAgents): Promise<AuditVerdict> {
    const answers = ask === undefined ? [] : await this.#ask(ask, signal);
    // Not while entries are deleted, as their stub comes first.
    return await this.#turns.run(() =>
      verifyAudit(this.#options, { signal, answers })
    );
  }

  prune(cut: AuditCut, asker: Asker): Promise<PrunedAudit> {
    return this.#turns.run(() => pruneAudit(this.#options, cut, asker));
  }

  async #ask(ask: AskAgents, signal: AbortSignal): Promise<AgentAnswer[]> {
    const parts = this.#askParts;
    if (parts === undefined) {
      throw new PiriError("UNSUPPORTED", "Cannot ask agents: there are none");
    }
    const { managerId } = this.#store;
    return await askAgents(ask, { ...parts, managerId }, signal);
  }
}
