import type { Clock } from "../base/clock.ts";
import { messageOf } from "../base/errors.ts";
import type { EventCursor, EventSource } from "../base/event_cursor.ts";
import type { EventFilter } from "../base/event_filter.ts";
import { logger } from "../base/log.ts";
import type {
  CommandBrief,
  CommandRecord,
  EventRecord,
  HistoryEntry,
} from "../store/records.ts";
import type { Store } from "../store/store.ts";
import { EventFollower } from "./event_follower.ts";
import { viewOf } from "./event_text.ts";
import type { EventFeed, EventStart, EventView } from "./operator_api.ts";

const log = logger("manager", "events");

/** Number of events read from the store at a time. */
const PAGE = 500;

/** Agent and command that an event is about. */
export interface EventSubject {
  readonly agent?: string | null;
  readonly commandId?: bigint | null;
}

/**
 * Event log for operators. Events are recorded, logged, and streamed to followers. How commands begin, go on and end is
 * not recorded twice: it is read from their own records.
 */
export class Events implements EventFeed {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #followers = new Set<EventFollower>();

  constructor(store: Store, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
  }

  /** Records an event in the background: no caller waits for it, and none fails by it. */
  add(kind: string, message: string, subject: EventSubject = {}): void {
    void this.#record(kind, message, subject);
  }

  /** As `add`, for an event whose text is not final: the returned function replaces it. Followers see the first one. */
  addDraft(
    kind: string,
    message: string,
    subject: EventSubject = {},
  ): (message: string) => void {
    const recorded = this.#record(kind, message, subject);
    return (final) => {
      recorded.then((record) =>
        record && this.#store.rewordEvent(record.id, final)
      ).catch((error) =>
        log.error("Cannot reword the event {kind}: {error}", {
          kind,
          error: messageOf(error),
        })
      );
    };
  }

  async #record(
    kind: string,
    message: string,
    { agent = null, commandId = null }: EventSubject,
  ): Promise<EventRecord | undefined> {
    log.info("{kind}: {message}", { kind, message, agent, commandId });
    const at = this.#clock.now();
    try {
      const event = await this.#store.addEvent({
        at,
        kind,
        agent,
        commandId,
        message,
      });
      this.#tell({
        key: { at: event.at, source: "event", id: event.id },
        event,
      });
      return event;
    } catch (error) {
      log.error("Cannot record the event {kind}: {error}", {
        kind,
        error: messageOf(error),
      });
      return undefined;
    }
  }

  /** Tells followers of the commands of one request, once they are recorded. */
  commandsRequested(commands: readonly CommandRecord[]): void {
    const [first] = commands;
    if (first === undefined) return;
    for (const command of commands) {
      this.#tellOf(command, "requested", first.createdAt);
    }
  }

  /** Tells followers of the progress of a command, once it is recorded. */
  commandProgressed(command: CommandRecord): void {
    this.#tellOf(command, "progress", command.progressAt);
  }

  /**
   * Tells followers how a command ended, once it is recorded. A lost command may come back, and then its record tells
   * nothing of its loss any more: so this end is recorded as an event.
   */
  commandEnded(command: CommandRecord): void {
    const { id, agent, operation, state, reason } = command;
    if (state !== "lost") {
      return this.#tellOf(command, "ended", command.finishedAt);
    }
    this.add(
      "command_lost",
      `command ${id} (${operation}) on "${agent}" is lost: ${reason}`,
      { agent, commandId: id },
    );
  }

  #tellOf(
    command: CommandBrief,
    source: EventSource,
    time: number | null,
  ): void {
    if (time === null) return;
    // The history has whole milliseconds.
    const at = Math.trunc(time);
    this.#tell({ key: { at, source, id: command.id }, command });
  }

  #tell(entry: HistoryEntry): void {
    if (this.#followers.size === 0) return;
    const event = viewOf(entry);
    for (const follower of this.#followers) follower.add(event);
  }

  async *watch(
    start: EventStart,
    { follow, filter, signal }: {
      follow: boolean;
      filter: EventFilter;
      signal: AbortSignal;
    },
  ): AsyncIterable<EventView> {
    const follower = new EventFollower(filter);
    const wake = () => follower.wake();
    // Before the history is read: what happens meanwhile waits.
    if (follow) this.#followers.add(follower);
    signal.addEventListener("abort", wake, { once: true });
    try {
      const past = "tail" in start
        ? await this.#newest(start.tail, filter)
        : this.#after(start, filter);
      for await (const event of past) {
        if (signal.aborted) return;
        follower.noteRead(event);
        yield event;
      }
      while (follow) {
        const event = await follower.next(signal);
        if (event === undefined) return;
        yield event;
      }
    } finally {
      this.#followers.delete(follower);
      signal.removeEventListener("abort", wake);
    }
  }

  /** Reads the newest events, and returns them oldest first. */
  async #newest(count: number, filter: EventFilter): Promise<EventView[]> {
    const events: EventView[] = [];
    let from: EventCursor | undefined;
    while (events.length < count) {
      const page = await this.#store.eventHistory({
        from,
        direction: "older",
        limit: Math.min(PAGE, count - events.length),
        filter,
      });
      events.push(...page.entries.map(viewOf));
      from = page.reached;
      if (from === undefined) break;
    }
    return events.reverse();
  }

  async *#after(
    start: { readonly afterId: bigint } | { readonly after: EventCursor },
    filter: EventFilter,
  ): AsyncGenerator<EventView> {
    let from: EventCursor | { eventId: bigint } | undefined = "after" in start
      ? start.after
      : { eventId: start.afterId };
    while (from !== undefined) {
      const { entries, reached } = await this.#store.eventHistory({
        from,
        direction: "newer",
        limit: PAGE,
        filter,
      });
      yield* entries.map(viewOf);
      from = reached;
    }
  }
}
