import { BAD_ENDS } from "../base/command_state.ts";
import {
  compareEventCursors,
  type EventCursor,
  type EventSource,
  rankOf,
} from "../base/event_cursor.ts";
import { allows, allowsKind } from "../base/event_filter.ts";
import type { Database, Row } from "./database.ts";
import { eventShape } from "./events.ts";
import type {
  CommandBrief,
  HistoryEntry,
  HistoryPage,
  HistoryRange,
} from "./records.ts";
import { big, flag, int, nullable, Shape, text, word } from "./shape.ts";

/** Most rows that one read looks at, so that no other request waits long behind it. */
const WINDOW = 2_000;

const briefShape = new Shape<CommandBrief>({
  id: big,
  agent: text,
  operation: text,
  requestedBy: text,
  state: word(),
  presumed: flag,
  reason: text,
  exitCode: nullable(int),
  signal: nullable(text),
  progressCurrent: nullable(int),
  progressTotal: nullable(int),
  progressMessage: text,
});

/** Ends that a command's own record tells for good. A lost command may come back, so that its loss is an event. */
const TOLD_ENDS = ["succeeded", ...BAD_ENDS.filter((end) => end !== "lost")];

const END_KINDS = TOLD_ENDS.map((state) => `command_${state}`);

/** Rows in the order of the history. Each has the columns at, id, agent and kind. */
interface Source {
  readonly source: EventSource;
  /** All kinds of its rows; undefined if there may be any. */
  readonly kinds: readonly string[] | undefined;
  readonly select: string;
  /** Columns of the time and the id, as expressions. */
  readonly key: readonly [at: string, id: string];
  readonly condition: string;
}

const SOURCES: readonly Source[] = [
  {
    source: "requested",
    kinds: ["command_requested"],
    // All commands of a request begin with it. CROSS: SQLite must read the requests first, in the order of their index.
    select:
      "SELECT r.created_at AS at, c.id AS id, c.agent AS agent, 'command_requested' AS kind FROM requests r CROSS JOIN commands c",
    key: ["r.created_at", "c.id"],
    condition: "c.id BETWEEN r.first_id AND r.last_id",
  },
  {
    source: "event",
    kinds: undefined,
    select: "SELECT at, id, agent, kind FROM events",
    key: ["at", "id"],
    // Managers from before wrote an event for each bad end, too.
    condition: `kind NOT IN (${listOf(END_KINDS)})`,
  },
  {
    source: "progress",
    kinds: ["command_progress"],
    select:
      "SELECT progress_at AS at, id, agent, 'command_progress' AS kind FROM commands",
    key: ["progress_at", "id"],
    condition: "progress_at IS NOT NULL",
  },
  {
    source: "ended",
    kinds: END_KINDS,
    select:
      // Otherwise SQLite reads all commands of these states.
      "SELECT finished_at AS at, id, agent, 'command_' || state AS kind FROM commands INDEXED BY commands_finished",
    key: ["finished_at", "id"],
    condition: `finished_at IS NOT NULL AND state IN (${listOf(TOLD_ENDS)})`,
  },
];

/** Statements of each source that read on from a time and an id. */
export const HISTORY_STATEMENTS = SOURCES.map((source) => ({
  ...source,
  newer: statement(source, ">", "ASC"),
  older: statement(source, "<", "DESC"),
}));

const HIGHEST_ID = 2n ** 63n - 1n;
const OLDEST: EventCursor = { at: -(2 ** 53), source: "requested", id: -1n };
const NEWEST: EventCursor = { at: 2 ** 53, source: "ended", id: HIGHEST_ID };

/** A row of a source that is next in its order. */
interface Head {
  readonly rows: Generator<Row, void>;
  readonly source: EventSource;
  readonly key: EventCursor;
  readonly kind: string;
  readonly agent: string | null;
}

/**
 * All events in one order: those of their own table, and how each command began and ended with its newest progress, read
 * from the commands.
 */
export class EventHistory {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  /** Reads on in one direction. The page may be empty although more is to come. */
  page({ from, direction, limit, filter }: HistoryRange): HistoryPage {
    const start = this.#start(from, direction);
    const sign = direction === "newer" ? 1 : -1;
    const opened = HISTORY_STATEMENTS
      .filter(({ kinds }) =>
        kinds === undefined || kinds.some((kind) => allowsKind(filter, kind))
      )
      .map(({ source, [direction]: statement }) => ({
        rows: this.#db.each(
          statement,
          start.at,
          start.at,
          boundOf(start, source),
        ),
        source,
      }));
    try {
      const entries: HistoryEntry[] = [];
      let heads = opened.flatMap((each) => next(each) ?? []);
      for (let examined = 1; heads.length > 0; examined++) {
        const head = heads.reduce((first, each) =>
          compareEventCursors(first.key, each.key) * sign <= 0 ? first : each
        );
        const { key } = head;
        if (allows(filter, head)) {
          const entry = this.#entry(key);
          if (entry !== undefined) entries.push(entry);
        }
        if (entries.length >= limit || examined >= WINDOW) {
          return { entries, reached: key };
        }
        heads = heads.flatMap((each) =>
          each === head ? next(head) ?? [] : [each]
        );
      }
      return { entries, reached: undefined };
    } finally {
      for (const { rows } of opened) rows.return();
    }
  }

  #start(
    from: HistoryRange["from"],
    direction: HistoryRange["direction"],
  ): EventCursor {
    if (from === undefined) return direction === "newer" ? OLDEST : NEWEST;
    if (!("eventId" in from)) return from;
    const row = this.#db.get(
      "SELECT at, id FROM events WHERE id >= ? ORDER BY id LIMIT 1",
      from.eventId,
    );
    if (row === undefined) return NEWEST;
    const key = keyOf(row, "event");
    // The event itself was deleted: its successor is not left out.
    return key.id === from.eventId ? key : { ...key, id: key.id - 1n };
  }

  #entry(key: EventCursor): HistoryEntry | undefined {
    const isEvent = key.source === "event";
    const shape = isEvent ? eventShape : briefShape;
    const row = this.#db.get(
      `SELECT ${shape.list} FROM ${
        isEvent ? "events" : "commands"
      } WHERE id = ?`,
      key.id,
    );
    if (row === undefined) return undefined;
    return isEvent
      ? { key, event: eventShape.record(row) }
      : { key, command: briefShape.record(row) };
  }
}

function next(
  { rows, source }: Pick<Head, "rows" | "source">,
): Head | undefined {
  const { value, done } = rows.next();
  if (done) return undefined;
  return {
    rows,
    source,
    key: keyOf(value, source),
    kind: value["kind"] as string,
    agent: value["agent"] as string | null,
  };
}

function keyOf(row: Row, source: EventSource): EventCursor {
  return { at: Number(row["at"]), source, id: row["id"] as bigint };
}

/** The id beyond which a source is read at the time of a cursor: all of its rows or none, if it is another source. */
function boundOf(
  { source, id }: EventCursor,
  mine: EventSource,
): bigint {
  if (mine === source) return id;
  return rankOf(mine) > rankOf(source) ? -1n : HIGHEST_ID;
}

function statement(
  { select, key: [at, id], condition }: Source,
  beyond: "<" | ">",
  direction: "ASC" | "DESC",
): string {
  // The first comparison is for the index.
  return `${select} WHERE ${condition} AND ${at} ${beyond}= ?
    AND (${at}, ${id}) ${beyond} (?, ?)
    ORDER BY ${at} ${direction}, ${id} ${direction}`;
}

function listOf(words: readonly string[]): string {
  return words.map((each) => `'${each}'`).join(", ");
}
