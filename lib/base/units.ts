import { PiriError } from "./errors.ts";

const DURATION_UNITS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
};

const SIZE_UNITS: Readonly<Record<string, number>> = {
  "": 1,
  b: 1,
  // As other tools on Unix have it.
  k: 2 ** 10,
  m: 2 ** 20,
  g: 2 ** 30,
  t: 2 ** 40,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
  tb: 1e12,
  kib: 2 ** 10,
  mib: 2 ** 20,
  gib: 2 ** 30,
  tib: 2 ** 40,
};

/**
 * Reads a duration, as 250ms, 5m, 1.5h, 1h30m, 30d or 2w, in whole milliseconds.
 *
 * @throws {PiriError} INVALID_ARGUMENT
 */
export function parseDuration(text: string): number {
  if (!/^(?:[0-9]+(?:\.[0-9]+)?(?:ms|s|m|h|d|w))+$/.test(text)) {
    throw new PiriError(
      "INVALID_ARGUMENT",
      `Cannot read the duration "${text}": it should be a number and one of ms, s, m, h, d, w, as 30s or 1h30m`,
    );
  }
  let total = 0;
  for (const [, number, unit] of text.matchAll(/([0-9.]+)([a-z]+)/g)) {
    total += Number(number) * (DURATION_UNITS[unit ?? ""] ?? NaN);
  }
  return wholeOf(total, `the duration "${text}"`);
}

/** Words for units that people type at a terminal. */
const TYPED_UNITS: Readonly<Record<string, string>> = {
  msec: "ms",
  millisecond: "ms",
  milliseconds: "ms",
  sec: "s",
  secs: "s",
  second: "s",
  seconds: "s",
  min: "m",
  mins: "m",
  minute: "m",
  minutes: "m",
  hr: "h",
  hrs: "h",
  hour: "h",
  hours: "h",
  day: "d",
  days: "d",
  week: "w",
  weeks: "w",
};

/**
 * Reads a duration as people type it at a terminal: a number alone is seconds, and units may be words, as 5 min or
 * "2 days 12 hours".
 *
 * @throws {PiriError} INVALID_ARGUMENT
 */
export function parseTypedDuration(text: string): number {
  if (/^[0-9]+(?:\.[0-9]+)?$/.test(text)) return parseDuration(`${text}s`);
  const short = text.trim()
    .replaceAll(/(?<=[0-9]) +(?=[A-Za-z])|(?<=[A-Za-z]) +(?=[0-9])/g, "")
    .replaceAll(/[A-Za-z]+/g, (word) => {
      const unit = word.toLowerCase();
      return Object.hasOwn(TYPED_UNITS, unit) ? TYPED_UNITS[unit] ?? "" : unit;
    });
  try {
    return parseDuration(short);
  } catch (error) {
    if (!(error instanceof PiriError)) throw error;
    // In the words of who typed it.
    throw new PiriError(
      error.code,
      error.message.replace(`"${short}"`, `"${text}"`),
      { cause: error },
    );
  }
}

/**
 * Reads a size, as 65536, 64MiB, 64M (which is the same), 1.5GiB or 10MB, in whole bytes.
 *
 * @throws {PiriError} INVALID_ARGUMENT
 */
export function parseSize(text: string): number {
  const match = /^([0-9]+(?:\.[0-9]+)?) ?([A-Za-z]*)$/.exec(text);
  const unit = SIZE_UNITS[match?.[2]?.toLowerCase() ?? "none"];
  if (match === null || unit === undefined) {
    throw new PiriError(
      "INVALID_ARGUMENT",
      `Cannot read the size "${text}": it should be a number and one of B, KiB, MiB, GiB, TiB (or K, M, G, T), kB, MB, GB, TB, as 64MiB`,
    );
  }
  return wholeOf(Number(match[1]) * unit, `the size "${text}"`);
}

function wholeOf(value: number, what: string): number {
  const whole = Math.round(value);
  if (Number.isSafeInteger(whole)) return whole;
  throw new PiriError(
    "INVALID_ARGUMENT",
    `Cannot read ${what}: it is over the limit of ${Number.MAX_SAFE_INTEGER}`,
  );
}
