import type { Clock, Timer } from "../../base/clock.ts";

/**
 * Reason to wait: the agent of a command is away, an agent is away before its command was made, or a connected agent has
 * not taken its command.
 */
export type WaitReason = "away" | "queued" | "untaken";

/** A reason to wait, and the time since which it holds, in milliseconds since 1970; undefined if nobody knows. */
export interface Wait {
  readonly reason: WaitReason;
  readonly since: number | undefined;
}

/** News about one that waits. It begins to wait, still waits after longer and longer times, or waits no longer. */
export interface WaitNews<Item> extends Wait {
  readonly phase: "begins" | "again" | "over";
  readonly item: Item;
}

/** Time after which a sent command that is not taken is worth a word, in milliseconds. */
const UNTAKEN_MS = 5_000;

const HOUR_MS = 3_600_000;

/** Ages of a wait at which it is told again, in milliseconds; then each hour. */
const AGAIN_MS: readonly number[] = [60_000, 600_000];

/** One that waits, or has waited and that is still to be told. */
interface Waiter<Item> {
  item: Item;
  wait: Wait | undefined;
  /** Time from which its age counts, in milliseconds since 1970. */
  readonly from: number;
  /** Reason that was told last. */
  told: Wait | undefined;
  /** Time of the next news. */
  due: number;
}

/** Tells why some go on waiting: when that changes, and again after longer and longer times. */
export class Waits<Key, Item> {
  readonly #clock: Clock;
  readonly #gatherMs: number;
  readonly #tell: (news: readonly WaitNews<Item>[]) => Promise<void>;
  readonly #waiters = new Map<Key, Waiter<Item>>();
  #timer: Timer | undefined;
  #timerAt = Infinity;

  /** News that come within `gatherMs` milliseconds are told together, and what is over by then is not told. */
  constructor(clock: Clock, { gatherMs, tell }: {
    readonly gatherMs: number;
    readonly tell: (news: readonly WaitNews<Item>[]) => Promise<void>;
  }) {
    this.#clock = clock;
    this.#gatherMs = gatherMs;
    this.#tell = tell;
  }

  /** Takes over why one waits now; undefined if it does not wait. Resolves once what is due was told. */
  async change(key: Key, item: Item, wait: Wait | undefined): Promise<void> {
    const before = this.#waiters.get(key);
    if (before !== undefined) before.item = item;
    if (before?.wait?.reason === wait?.reason) return;
    if (wait === undefined && before?.told === undefined) {
      return this.forget(key);
    }
    const now = this.#clock.now();
    const from = wait?.since ?? now;
    const waiter = { item, wait, from, told: before?.told, due: 0 };
    waiter.due = dueOf(waiter, now, now + this.#gatherMs);
    this.#waiters.set(key, waiter);
    if (waiter.due <= now) await this.#tellNow([[key, waiter]], now);
    else this.#wakeAt(waiter.due);
  }

  /** Forgets one: its end is told otherwise. */
  forget(key: Key): void {
    this.#waiters.delete(key);
  }

  /** Forgets all. */
  close(): void {
    this.#waiters.clear();
    this.#timer?.cancel();
    this.#timerAt = Infinity;
  }

  /** Tells what is due of some, and wakes for what will be. */
  async #tellNow(
    some: Iterable<[Key, Waiter<Item>]>,
    now: number,
  ): Promise<void> {
    const news: WaitNews<Item>[] = [];
    let next = Infinity;
    for (const [key, waiter] of some) {
      if (waiter.due <= now) this.#take(key, waiter, now, news);
      if (this.#waiters.has(key)) next = Math.min(next, waiter.due);
    }
    this.#wakeAt(next);
    if (news.length > 0) await this.#tell(news);
  }

  /** Adds the news of one to those that are told. */
  #take(
    key: Key,
    waiter: Waiter<Item>,
    now: number,
    news: WaitNews<Item>[],
  ): void {
    const { item, wait, told } = waiter;
    if (told !== undefined && told.reason !== wait?.reason) {
      news.push({ ...told, phase: "over", item });
      waiter.told = undefined;
    }
    if (wait === undefined) {
      this.#waiters.delete(key);
      return;
    }
    if (dueOf(waiter, now, now) <= now || waiter.told !== undefined) {
      const phase = waiter.told === undefined ? "begins" : "again";
      const since = wait.reason === "untaken" ? waiter.from : wait.since;
      news.push({ ...wait, since, phase, item });
      waiter.told = wait;
    }
    waiter.due = dueOf(waiter, now, now);
  }

  #wakeAt(at: number): void {
    if (at >= this.#timerAt || at === Infinity) return;
    this.#timer?.cancel();
    this.#timerAt = at;
    const ms = Math.max(at - this.#clock.now(), 0);
    this.#timer = this.#clock.timer(ms, () => {
      this.#timerAt = Infinity;
      // Gathers what comes a little later.
      const now = this.#clock.now() + this.#gatherMs / 2;
      this.#tellNow(this.#waiters, now).catch(() => {}); // the next thing shown will meet the same trouble, and somebody waits for it
    });
  }
}

/** Time of the next news of one; `gathered` is the time at which fresh news are told. */
function dueOf<Item>(
  { wait, told, from }: Pick<Waiter<Item>, "wait" | "told" | "from">,
  now: number,
  gathered: number,
): number {
  if (told?.reason !== wait?.reason && told !== undefined) return gathered;
  if (wait === undefined) return Infinity;
  if (told !== undefined) return nextAge(from, now);
  return wait.reason === "untaken"
    ? Math.max(from + UNTAKEN_MS, gathered)
    : gathered;
}

/** Time at which a wait is told again. */
function nextAge(from: number, now: number): number {
  const age = Math.max(now - from, 0);
  const next = AGAIN_MS.find((again) => again > age) ??
    (Math.floor(age / HOUR_MS) + 1) * HOUR_MS;
  return now + next - age;
}
