import type { Clock, Timer } from "../../base/clock.ts";
import { messageOf } from "../../base/errors.ts";
import { networkOf } from "../../base/ip.ts";
import { logger } from "../../base/log.ts";
import type { NewAudit } from "../../store/audit_records.ts";
import type { Store } from "../../store/store.ts";
import type { Denial } from "../api/audit_api.ts";
import { auditEntry } from "./audit_entry.ts";

const log = logger("manager", "audit");

/** Time in which denials that are alike are one entry, in milliseconds. */
export const TOGETHER_MS = 60_000;

/** Most kinds of denials that are told apart at a time. Further ones are counted together. */
export const MAX_KINDS = 200;

/** Kind of the denials beyond that number. */
const OTHERS = "others";

/** Denials of one kind. */
interface Kind {
  /** Monotonic time of the first one. */
  readonly since: number;
  /** Number of those after the first one. */
  more: number;
  last: Denial;
}

/**
 * Writes denials into the audit: the first of a kind at once, and those of the minute after it as one entry with their
 * number. So a stranger cannot fill the disk.
 */
export class Denials {
  readonly #store: Pick<Store, "recordAudit">;
  readonly #clock: Clock;
  /** Kinds of the last minute, oldest first. */
  readonly #kinds = new Map<string, Kind>();
  readonly #writing = new Set<Promise<void>>();
  #timer: Timer | undefined;

  constructor(
    { store, clock }: {
      readonly store: Pick<Store, "recordAudit">;
      readonly clock: Clock;
    },
  ) {
    this.#store = store;
    this.#clock = clock;
  }

  add(denial: Denial): void {
    const wanted = kindOf(denial);
    const isKnown = this.#kinds.has(wanted);
    const name = isKnown || this.#kinds.size < MAX_KINDS ? wanted : OTHERS;
    const kind = this.#kinds.get(name);
    if (kind !== undefined) {
      kind.more++;
      kind.last = denial;
      return;
    }
    const since = this.#clock.monotonic();
    this.#kinds.set(name, { since, more: 0, last: denial });
    this.#write(denial, denial.reason);
    this.#timer ??= this.#clock.timer(TOGETHER_MS, () => this.#sweep());
  }

  /** Writes what was only counted until now. Resolves once all is on the disk, or cannot be. */
  async close(): Promise<void> {
    this.#timer?.cancel();
    for (const [name, kind] of this.#kinds) this.#end(name, kind);
    await Promise.all(this.#writing);
  }

  #sweep(): void {
    this.#timer = undefined;
    const now = this.#clock.monotonic();
    for (const [name, kind] of this.#kinds) {
      const left = kind.since + TOGETHER_MS - now;
      if (left > 0) {
        this.#timer = this.#clock.timer(left, () => this.#sweep());
        return;
      }
      this.#end(name, kind);
    }
  }

  #end(name: string, { more, last }: Kind): void {
    this.#kinds.delete(name);
    if (more === 0) return;
    const others = name === OTHERS ? ", of several kinds" : "";
    const times = more === 1 ? "once more" : `${more} times more`;
    this.#write(
      last,
      `${last.reason} (${times} within a minute${others})`,
    );
  }

  #write(denial: Denial, outcome: string): void {
    const { who, act, on, operation, rule, credential, origin } = denial;
    const entry: NewAudit = {
      ...auditEntry(
        { act, on, operation },
        { requestedBy: who, credential, origin },
        this.#clock,
      ),
      decision: "denied",
      rule,
      outcome,
    };
    const written = this.#store.recordAudit(entry).catch((error) =>
      log.warning("Cannot record that something was denied: {error}", {
        error: messageOf(error),
      })
    ).finally(() => this.#writing.delete(written));
    this.#writing.add(written);
  }
}

/** Kind of a denial. All that strangers of one network ask for is of one kind. */
function kindOf(
  { who, credential, origin, act, operation, rule }: Denial,
): string {
  return who === ""
    ? `stranger ${networkOf(origin)}`
    : JSON.stringify([who, credential, act, operation, rule]);
}
