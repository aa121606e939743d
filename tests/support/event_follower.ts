import { ALL_EVENTS, type EventFilter } from "../../lib/base/event_filter.ts";
import type { Events } from "../../lib/manager/events/events.ts";
import type {
  EventStart,
  EventView,
} from "../../lib/manager/api/operator_api.ts";

/** A follower of events that reads on by itself until it is disposed of. */
export interface Following extends AsyncDisposable {
  /** Events that it has heard so far. */
  readonly events: readonly EventView[];
  /** The same, each as "kind: message". */
  readonly heard: readonly string[];
}

/** Follows the events of a Manager, all of them by default. */
export function follow(
  { events: from }: { readonly events: Events },
  { start = { tail: 0 }, filter = {} }: {
    readonly start?: EventStart;
    readonly filter?: Partial<EventFilter>;
  } = {},
): Following {
  const stop = new AbortController();
  const events: EventView[] = [];
  const ended = (async () => {
    const news = from.watch(start, {
      follow: true,
      filter: { ...ALL_EVENTS, ...filter },
      signal: stop.signal,
    });
    for await (const event of news) events.push(event);
  })();
  return {
    events,
    get heard() {
      return events.map(({ kind, message }) => `${kind}: ${message}`);
    },
    async [Symbol.asyncDispose]() {
      stop.abort();
      await ended;
    },
  };
}
