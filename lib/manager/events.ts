import type { Clock, Timer } from "../base/clock.ts";
import { logger } from "../base/log.ts";
import { codeOf, messageOf } from "../base/errors.ts";
import type { EventRecord, NewEvent } from "../store/records.ts";
import type { Store } from "../store/store.ts";
import type { EventFeed } from "./operator_api.ts";
import { UnrecordedEvents } from "./unrecorded_events.ts";

const log = logger("manager", "events");

/** Time between two attempts to record what could not be recorded, in milliseconds. */
const RETRY_MS = 2_000;

/** Number of events read from the store at a time. */
const PAGE = 200;

/** Event log for operators: events are recorded, logged, and streamed to followers. */
export class Events implements EventFeed {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #followers = new Set<() => void>();
  /** Events that wait for a disk that can be written again. */
  readonly #unrecorded = new UnrecordedEvents();
  #retry: Timer | undefined;
  #isRetrying = false;

  constructor(store: Store, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
  }

  /**
   * Records an event in the background: no caller waits for it, and none fails by it. If the disk does not take it, it is
   * recorded with its own time as soon as it does.
   */
  add(
    kind: string,
    message: string,
    { agent = null, commandId = null }: {
      agent?: string | null;
      commandId?: bigint | null;
    } = {},
  ): void {
    log.info("{kind}: {message}", { kind, message, agent, commandId });
    const event = { at: this.#clock.now(), kind, agent, commandId, message };
    // Behind the others, so that the order stays.
    if (this.#unrecorded.isEmpty) void this.#record(event);
    else this.#unrecorded.add(event);
  }

  /** Records an event, or else forgets it. */
  async tryAdd(kind: string, message: string): Promise<void> {
    const about = { agent: null, commandId: null };
    const event = { at: this.#clock.now(), kind, message, ...about };
    try {
      await this.#store.addEvent(event);
      log.info("{kind}: {message}", { kind, message });
      this.#wake();
    } catch (error) {
      log.debug("Cannot record the event {kind}: {error}", { kind, error });
    }
  }

  /** Stops to try again. What is not recorded then is in the log only. */
  close(): void {
    this.#retry?.cancel();
    if (this.#unrecorded.isEmpty) return;
    log.error("{count} events could not be recorded", {
      count: this.#unrecorded.size,
    });
  }

  async #record(event: NewEvent): Promise<void> {
    try {
      await this.#store.addEvent(event);
      this.#wake();
    } catch (error) {
      log.error("Cannot record the event {kind}: {error}", {
        kind: event.kind,
        error: messageOf(error),
      });
      if (codeOf(error) !== "DISK") return;
      this.#unrecorded.add(event);
      this.#retryLater();
    }
  }

  #retryLater(): void {
    if (this.#isRetrying) return;
    this.#retry ??= this.#clock.timer(RETRY_MS, () => {
      this.#retry = undefined;
      void this.#recordAll();
    });
  }

  /** Records all events that wait, one after the other, until one fails. */
  async #recordAll(): Promise<void> {
    this.#isRetrying = true;
    try {
      let event = this.#unrecorded.oldest;
      while (event !== undefined) {
        await this.#store.addEvent(event);
        this.#unrecorded.recorded();
        event = this.#unrecorded.oldest;
      }
    } catch (error) {
      log.debug("Cannot record events yet: {error}", { error });
    }
    this.#isRetrying = false;
    this.#wake();
    if (!this.#unrecorded.isEmpty) this.#retryLater();
  }

  #wake(): void {
    for (const wake of this.#followers) wake();
  }

  async *watch(
    range: { tail: number } | { afterId: bigint },
    { follow, signal }: { follow: boolean; signal: AbortSignal },
  ): AsyncIterable<EventRecord> {
    let news = Promise.withResolvers<void>();
    const wake = () => news.resolve();
    this.#followers.add(wake);
    signal.addEventListener("abort", wake, { once: true });
    try {
      let after = -1n;
      if ("tail" in range) {
        // The end is looked up first, so that events that come meanwhile are neither lost nor told twice.
        const [newest] = await this.#store.events({ tail: 1 });
        after = newest?.id ?? 0n;
        const past = range.tail > 0
          ? await this.#store.events({ tail: range.tail })
          : [];
        for (const event of past) {
          yield event;
          if (event.id > after) after = event.id;
        }
      } else {
        after = range.afterId;
      }
      while (!signal.aborted) {
        news = Promise.withResolvers<void>();
        const page = await this.#store.events({ afterId: after, limit: PAGE });
        for (const event of page) {
          yield event;
          after = event.id;
        }
        if (page.length > 0) continue;
        if (!follow) return;
        await news.promise;
      }
    } finally {
      this.#followers.delete(wake);
      signal.removeEventListener("abort", wake);
    }
  }
}
