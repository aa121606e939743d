import type { Clock } from "../base/clock.ts";
import { logger } from "../base/log.ts";
import { messageOf } from "../base/errors.ts";
import type { EventRecord } from "../store/records.ts";
import type { Store } from "../store/store.ts";
import type { EventFeed } from "./operator_api.ts";

const log = logger("manager", "events");

/** Number of events read from the store at a time. */
const PAGE = 200;

/** Event log for operators: events are recorded, logged, and streamed to followers. */
export class Events implements EventFeed {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #followers = new Set<() => void>();

  constructor(store: Store, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
  }

  /** Records an event in the background: no caller waits for it, and none fails by it. */
  add(
    kind: string,
    message: string,
    { agent = null, commandId = null }: {
      agent?: string | null;
      commandId?: bigint | null;
    } = {},
  ): void {
    log.info("{kind}: {message}", { kind, message, agent, commandId });
    this.#store.addEvent({
      at: this.#clock.now(),
      kind,
      agent,
      commandId,
      message,
    }).then(
      () => this.#followers.forEach((wake) => wake()),
      (error) =>
        log.error("Cannot record the event {kind}: {error}", {
          kind,
          error: messageOf(error),
        }),
    );
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
