import type { Clock, Timer } from "../../base/clock.ts";
import { codeOf, messageOf } from "../../base/errors.ts";
import type { EventCursor, EventSource } from "../../base/event_cursor.ts";
import type { EventFilter } from "../../base/event_filter.ts";
import type { EventKind } from "../../base/event_kinds.ts";
import { logger } from "../../base/log.ts";
import type {
  CommandBrief,
  CommandRecord,
  EventRecord,
  HistoryEntry,
  NewEvent,
} from "../../store/records.ts";
import type { Store } from "../../store/store.ts";
import { EventFollower } from "./event_follower.ts";
import { viewOf } from "./event_text.ts";
import type { EventFeed, EventStart, EventView } from "../api/operator_api.ts";
import { UnrecordedEvents } from "./unrecorded_events.ts";

const log = logger("manager", "events");

/** Number of events read from the store at a time. */
const PAGE = 500;

/** Time between two attempts to record what could not be recorded, in milliseconds. */
const RETRY_MS = 2_000;

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
  add(kind: EventKind, message: string, subject: EventSubject = {}): void {
    this.#append(this.#logged(kind, message, subject));
  }

  /**
   * Adds an event that a write of the caller's records with its own change. If that fails, there is no event. While others
   * wait for the disk, the write gets none, and the event waits behind them.
   */
  async addWith<T extends { readonly eventId: bigint | undefined }>(
    kind: EventKind,
    { message, ...subject }: EventSubject & { readonly message: string },
    write: (event: NewEvent | undefined) => Promise<T>,
  ): Promise<T> {
    const event = this.#eventOf(kind, message, subject);
    const isNext = this.#unrecorded.isEmpty;
    const written = await write(isNext ? event : undefined);
    logEvent(event);
    if (written.eventId === undefined) this.#append(event);
    else {
      const at = Math.trunc(event.at);
      this.#tellRecorded({ ...event, at, id: written.eventId });
    }
    return written;
  }

  /** Adds an event whose text is not final: the returned function replaces it. Followers see the first one. */
  addDraft(
    kind: EventKind,
    message: string,
    subject: EventSubject = {},
  ): (message: string) => void {
    const recorded = this.#record(this.#logged(kind, message, subject));
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

  /** Records an event, or else forgets it. */
  async tryAdd(kind: EventKind, message: string): Promise<void> {
    const event = this.#eventOf(kind, message, {});
    try {
      this.#tellRecorded(await this.#store.addEvent(event));
      log.info("{kind}: {message}", { kind, message });
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

  #logged(
    kind: EventKind,
    message: string,
    subject: EventSubject,
  ): NewEvent {
    const event = this.#eventOf(kind, message, subject);
    logEvent(event);
    return event;
  }

  #eventOf(
    kind: EventKind,
    message: string,
    { agent = null, commandId = null }: EventSubject,
  ): NewEvent {
    return { at: this.#clock.now(), kind, agent, commandId, message };
  }

  /** Records an event, behind those that wait for the disk, so that the order stays. */
  #append(event: NewEvent): void {
    if (this.#unrecorded.isEmpty) void this.#record(event);
    else this.#unrecorded.add(event);
  }

  async #record(event: NewEvent): Promise<EventRecord | undefined> {
    try {
      const record = await this.#store.addEvent(event);
      this.#tellRecorded(record);
      return record;
    } catch (error) {
      log.error("Cannot record the event {kind}: {error}", {
        kind: event.kind,
        error: messageOf(error),
      });
      if (codeOf(error) !== "DISK") return undefined;
      this.#unrecorded.add(event);
      this.#retryLater();
      return undefined;
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
        const record = await this.#store.addEvent(event);
        this.#unrecorded.recorded();
        this.#tellRecorded(record);
        event = this.#unrecorded.oldest;
      }
    } catch (error) {
      log.debug("Cannot record events yet: {error}", { error });
    }
    this.#isRetrying = false;
    if (!this.#unrecorded.isEmpty) this.#retryLater();
  }

  #tellRecorded(event: EventRecord): void {
    this.#tell({ key: { at: event.at, source: "event", id: event.id }, event });
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

function logEvent({ at, kind, message, agent, commandId }: NewEvent): void {
  // As by `info`, which would read the same template anew for each event: three times the cost.
  const record = {
    category: log.category,
    level: "info" as const,
    timestamp: at,
    rawMessage: "{kind}: {message}",
    message: ["", kind, ": ", message, ""],
    properties: { kind, message, agent, commandId },
  };
  log.emit(record);
}
