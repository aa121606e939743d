import type { ReadyEntry } from "../command/entry_starter.ts";
import type { EntryEvent } from "./entry_lifecycle.ts";
import type { EntryPages } from "./entry_pages.ts";
import type { Unstarted, Verdict } from "./verdict.ts";

/** Most entries of one turn. */
const MAX_ENTRIES = 500;

/** Entries that take the same step for the same reason. */
export interface Step {
  readonly event: EntryEvent;
  readonly reason: string;
  readonly entries: Unstarted[];
}

/** Outcome of one turn, before it is recorded. */
export interface Batch {
  readonly starts: readonly (Unstarted & ReadyEntry)[];
  readonly steps: readonly Step[];
  /** Number of all entries that were looked at. */
  readonly count: number;
}

/** Steps that the failure limit counts. */
const FAILED: ReadonlySet<EntryEvent> = new Set([
  "unreachable",
  "expired",
  "refused",
  "denied",
]);

/** Bounds of one turn. */
export interface BatchBounds {
  /** Free places. */
  readonly places: number;
  /** Failures after which nothing more is decided. */
  readonly failures: number;
  /** Position below which entries may start. */
  readonly below: number;
}

/**
 * Takes the entries of one turn, in their order: those whose agents came back, and then those whose turn it is.
 *
 * @param sources `back` are queued entries whose agents may be there, `pages` the others. Both lose what is taken.
 * @param options Verdict on each entry, and bounds.
 */
export function takeBatch(
  { back, pages }: {
    readonly back: Map<number, string>;
    readonly pages: EntryPages;
  },
  { verdict, bounds }: {
    readonly verdict: (entry: Unstarted) => Verdict;
    readonly bounds: BatchBounds;
  },
): Batch {
  const batch = new BatchMaker(verdict);
  const isFull = () =>
    batch.count >= MAX_ENTRIES || batch.starts.length >= bounds.places ||
    batch.failures >= bounds.failures;
  for (const [position, agent] of back) {
    if (isFull()) break;
    if (position >= bounds.below) continue;
    back.delete(position);
    batch.add({ position, agent, from: "queued" });
  }
  for (
    let next = pages.peek();
    next !== undefined && next.position < bounds.below && !isFull();
    next = pages.peek()
  ) {
    pages.shift();
    batch.add(next);
  }
  return batch;
}

/** Entries of one turn that is being made. */
export class BatchMaker implements Batch {
  readonly starts: (Unstarted & ReadyEntry)[] = [];
  /** Number of entries. */
  count = 0;
  /** Number of those that count as failures. */
  failures = 0;
  readonly #verdict: (entry: Unstarted) => Verdict;
  readonly #steps = new Map<string, Step>();

  constructor(verdict: (entry: Unstarted) => Verdict) {
    this.#verdict = verdict;
  }

  get steps(): Step[] {
    return [...this.#steps.values()];
  }

  add(entry: Unstarted): void {
    this.count++;
    const found = this.#verdict(entry);
    if ("session" in found) {
      this.starts.push({ ...entry, session: found.session });
      return;
    }
    const { event, reason } = found;
    // It goes on as it is, until its agent is there.
    if (event === "queued" && entry.from === "queued") return;
    if (FAILED.has(event)) this.failures++;
    const key = `${event} ${reason}`;
    const step = this.#steps.get(key) ?? { event, reason, entries: [] };
    step.entries.push(entry);
    this.#steps.set(key, step);
  }
}
