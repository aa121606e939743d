import { PiriError } from "./errors.ts";

/**
 * Source of an event: the record of a command tells how it was requested, its newest progress and how it ended;
 * everything else has a record of its own.
 */
export type EventSource = "requested" | "event" | "progress" | "ended";

/** Sources in the order in which their events come within one millisecond. */
const SOURCES: readonly EventSource[] = [
  "requested",
  "event",
  "progress",
  "ended",
];

/** Place of an event among all events: they are in the order of their times, sources and ids. */
export interface EventCursor {
  /** Time in milliseconds since 1970. */
  readonly at: number;
  /** Source of the event. */
  readonly source: EventSource;
  /** Number of the event, or the id of the command. */
  readonly id: bigint;
}

/** Writes a cursor as text, as "1700000000000/event/12". */
export function formatEventCursor({ at, source, id }: EventCursor): string {
  return `${at}/${source}/${id}`;
}

/** @throws {PiriError} INVALID_ARGUMENT */
export function parseEventCursor(text: string): EventCursor {
  const [, at, word, id] =
    /^([0-9]{1,15})\/([a-z]+)\/([0-9]{1,18})$/.exec(text) ?? [];
  const source = SOURCES.find((each) => each === word);
  if (at === undefined || source === undefined || id === undefined) {
    throw new PiriError(
      "INVALID_ARGUMENT",
      `Cannot continue after ${
        JSON.stringify(text.slice(0, 100))
      }: it is not the cursor of an event`,
    );
  }
  return { at: Number(at), source, id: BigInt(id) };
}

/** Compares the places of two events. */
export function compareEventCursors(a: EventCursor, b: EventCursor): number {
  if (a.at !== b.at) return a.at - b.at;
  if (a.source !== b.source) return rankOf(a.source) - rankOf(b.source);
  return a.id < b.id ? -1 : Number(a.id > b.id);
}

/** Place of a source among those of one millisecond. */
export function rankOf(source: EventSource): number {
  return SOURCES.indexOf(source);
}
