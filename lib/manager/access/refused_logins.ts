import type { Clock } from "../../base/clock.ts";
import type { Counters } from "../../base/counters.ts";
import { messageOf } from "../../base/errors.ts";
import { logger } from "../../base/log.ts";
import type { Store } from "../../store/store.ts";
import { auditEntry } from "../audit/audit_entry.ts";

const log = logger("manager", "access");

/** Refused logins that are recorded of each minute. All others are only counted, as strangers could fill the disk. */
const MAX_REFUSALS = 60;

const MINUTE_MS = 60_000;

/** Login that was refused. */
export interface RefusedLogin {
  /** Operator that it was to be as. */
  readonly operator: string;
  /** Text that its sender is not told. */
  readonly reason: string;
  /** Evidence that was good; empty for none. */
  readonly credential: string;
  /** Address that it came from. */
  readonly from: string;
}

/** Record of the logins from a CI that were refused. */
export class RefusedLogins {
  readonly #options: {
    readonly store: Pick<Store, "recordAudit">;
    readonly clock: Clock;
    readonly counters: Counters;
  };
  /** Begin and count of this minute. */
  #minute = { since: -Infinity, count: 0 };

  constructor(options: {
    readonly store: Pick<Store, "recordAudit">;
    readonly clock: Clock;
    readonly counters: Counters;
  }) {
    this.#options = options;
  }

  /** Records the reason, as far as there are not too many. Never rejects. */
  async note(
    { operator, reason, credential, from }: RefusedLogin,
  ): Promise<void> {
    const { store, clock, counters } = this.#options;
    counters.add("ci_logins.refused");
    const now = clock.monotonic();
    if (now - this.#minute.since >= MINUTE_MS) {
      this.#minute = { since: now, count: 0 };
    }
    this.#minute.count++;
    if (this.#minute.count > MAX_REFUSALS) {
      counters.add("ci_logins.refused_unrecorded");
      return;
    }
    const entry = auditEntry(
      { act: "LoginFromCi", on: [operator] },
      { requestedBy: "", credential, origin: from },
      clock,
    );
    try {
      await store.recordAudit({
        ...entry,
        decision: "denied",
        outcome: reason,
      });
    } catch (error) {
      log.warning("Cannot record a refused login: {error}", {
        error: messageOf(error),
      });
    }
  }
}
