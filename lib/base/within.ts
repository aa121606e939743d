import { PiriError } from "./errors.ts";
import { didYouMean } from "./nearest.ts";

const DAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"] as const;

const DAY_MINUTES = 24 * 60;

const FORM =
  "it should be days, times and a time zone, as Mon-Fri 08:00-18:00 Europe/Berlin; days or times may be left out";

/** Times of a week in a time zone. */
export interface Within {
  /** The text that it was read from. */
  readonly text: string;
  /** Days on which it begins, from 0 for Monday to 6. */
  readonly days: ReadonlySet<number>;
  /** Ranges in minutes of the day. One that ends before it begins goes on past midnight. */
  readonly times: readonly (readonly [from: number, to: number])[];
  readonly clock: Intl.DateTimeFormat;
}

/** Newest texts that were read: a rule is asked again and again, and a time zone takes long to load. */
const known = new Map<string, Within>();
const MAX_KNOWN = 100;

/**
 * Reads times of the week, as "Mon-Fri 08:00-18:00 Europe/Berlin" or "Sat,Sun 22:00-06:00 UTC". The end of a range does
 * not belong to it. A range past midnight belongs to the day on which it begins. By the clock of the zone: where clocks
 * are put back, an hour counts twice.
 *
 * @throws {PiriError} INVALID_ARGUMENT
 */
export function parseWithin(text: string): Within {
  const before = known.get(text);
  if (before !== undefined) return before;
  const words = text.trim().split(/\s+/);
  const days =
    words[0] !== undefined && /^[a-z]{3}(?:[,-]|$)/i.test(words[0]) &&
      words.length > 1
      ? daysOf(words.shift() ?? "", text)
      : new Set(DAYS.keys());
  const times = /^\d/.test(words[0] ?? "")
    ? (words.shift() ?? "").split(",").map((range) => timesOf(range, text))
    : [[0, DAY_MINUTES] as const];
  const [zone, ...others] = words;
  if (zone === undefined || zone === "") {
    throw wrong(text, `it has no time zone; ${FORM}`);
  }
  if (others.length > 0) throw wrong(text, FORM);
  const within = { text, days, times, clock: clockOf(zone, text) };
  if (known.size >= MAX_KNOWN) known.clear();
  known.set(text, within);
  return within;
}

/**
 * True if a time, in milliseconds since 1970, lies within times of the week.
 *
 * @throws {PiriError} INVALID_ARGUMENT for a text that cannot be read
 */
export function isWithin(within: string | Within, time: number): boolean {
  const { days, times, clock } = typeof within === "string"
    ? parseWithin(within)
    : within;
  const parts = Object.fromEntries(
    clock.formatToParts(time).map(({ type, value }) => [type, value]),
  );
  const day = DAYS.findIndex((name) => name === parts.weekday);
  const minute = Number(parts.hour) * 60 + Number(parts.minute);
  const yesterday = (day + 6) % 7;
  return times.some(([from, to]) =>
    from < to
      ? days.has(day) && minute >= from && minute < to
      : (days.has(day) && minute >= from) ||
        (days.has(yesterday) && minute < to)
  );
}

function daysOf(word: string, text: string): Set<number> {
  const days = new Set<number>();
  for (const part of word.split(",")) {
    const [first = "", last = first, ...others] = part.split("-");
    if (others.length > 0) throw wrong(text, FORM);
    const to = dayOf(last, text);
    let day = dayOf(first, text);
    days.add(day);
    while (day !== to) days.add(day = (day + 1) % 7);
  }
  return days;
}

function dayOf(word: string, text: string): number {
  const day = DAYS.findIndex((name) =>
    name.toLowerCase() === word.toLowerCase()
  );
  if (day >= 0) return day;
  throw wrong(
    text,
    `"${word}" is not a day; ${
      didYouMean(word, DAYS, `there are ${DAYS.join(", ")}`)
    }`,
  );
}

function timesOf(range: string, text: string): readonly [number, number] {
  const [, fromHour, fromMinute, toHour, toMinute] =
    /^(\d{1,2}):(\d{2})-(\d{1,2}):(\d{2})$/.exec(range) ?? [];
  const from = minuteOf(fromHour, fromMinute);
  const to = minuteOf(toHour, toMinute);
  if (from === undefined || to === undefined || from === DAY_MINUTES) {
    throw wrong(
      text,
      `"${range}" is no range of times; write it as 08:00-18:00`,
    );
  }
  if (from !== to) return [from, to];
  throw wrong(
    text,
    `"${range}" is empty; leave the times out if the whole day is meant`,
  );
}

function minuteOf(hour?: string, minute?: string): number | undefined {
  const minutes = Number(hour) * 60 + Number(minute);
  return Number(minute) < 60 && minutes <= DAY_MINUTES ? minutes : undefined;
}

function clockOf(zone: string, text: string): Intl.DateTimeFormat {
  try {
    return new Intl.DateTimeFormat("en-US", {
      timeZone: zone,
      weekday: "short",
      hour: "2-digit",
      minute: "2-digit",
      hourCycle: "h23",
    });
  } catch {
    throw wrong(text, `"${zone}" is not a time zone; as Europe/Berlin or UTC`);
  }
}

function wrong(text: string, fact: string): PiriError {
  return new PiriError(
    "INVALID_ARGUMENT",
    `Cannot read the times "${text}": ${fact}`,
  );
}
