import { PiriError } from "../../base/errors.ts";
import { formatEventCursor } from "../../base/event_cursor.ts";
import { allows, type EventFilter } from "../../base/event_filter.ts";
import type { EventView } from "../api/operator_api.ts";

/** Most events that wait for a follower. */
export const MAX_WAITING = 10_000;

/** Most events from the history that a follower remembers, so that it does not get them twice. */
const MAX_REMEMBERED = 10_000;

/**
 * Events on their way to one follower: first what it reads from the history, then what happened since it began to follow.
 * An event that comes both ways is passed on once.
 */
export class EventFollower {
  readonly #filter: EventFilter;
  readonly #waiting: EventView[] = [];
  /** Keys of the newest events that it has read from the history. */
  readonly #read = new Set<string>();
  /** Times of the progress that it has read from the history, by command: older progress does not follow it. */
  readonly #progressAt = new Map<bigint, number>();
  #overflowed = false;
  #news = Promise.withResolvers<void>();

  constructor(filter: EventFilter) {
    this.#filter = filter;
  }

  /** Adds an event that is on the disk. */
  add(event: EventView): void {
    if (this.#overflowed || !allows(this.#filter, event)) return;
    if (this.#waiting.length >= MAX_WAITING) {
      this.#overflowed = true;
      this.#waiting.length = 0;
    } else {
      this.#waiting.push(event);
    }
    this.wake();
  }

  /** Notes an event that was read from the history. */
  noteRead({ key }: EventView): void {
    this.#read.add(formatEventCursor(key));
    if (key.source === "progress") this.#progressAt.set(key.id, key.at);
    const [oldest] = this.#read;
    if (this.#read.size <= MAX_REMEMBERED || oldest === undefined) return;
    this.#read.delete(oldest);
  }

  /** Lets `next` look again. */
  wake(): void {
    this.#news.resolve();
    this.#news = Promise.withResolvers();
  }

  /**
   * Waits for the next event; undefined once the signal is aborted.
   *
   * @throws {PiriError} BUSY if the follower was too slow: events are missing from here on
   */
  async next(signal: AbortSignal): Promise<EventView | undefined> {
    for (;;) {
      if (signal.aborted) return undefined;
      if (this.#overflowed) {
        throw new PiriError(
          "BUSY",
          `Cannot follow the events any further: more than ${MAX_WAITING} wait to be read`,
        );
      }
      const event = this.#waiting.shift();
      if (event === undefined) await this.#news.promise;
      else if (!this.#wasRead(event)) return event;
    }
  }

  #wasRead({ key }: EventView): boolean {
    if (this.#read.has(formatEventCursor(key))) return true;
    return key.source === "progress" &&
      key.at <= (this.#progressAt.get(key.id) ?? -Infinity);
  }
}
