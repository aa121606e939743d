/** A time as local time, such as 2026-11-22 21:30:05. */
export function localTime(ms: number): string {
  const at = new Date(ms);
  const two = (value: number) => String(value).padStart(2, "0");
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())} ` +
    `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
}

/** A time to the millisecond, local as 2026-11-22T21:30:05.123, or in UTC with a Z at its end. */
export function timestamp(ms: number, zone: "local" | "utc"): string {
  if (zone === "utc") return isoTime(ms);
  const milliseconds = String(Math.floor(ms) % 1_000).padStart(3, "0");
  return `${localTime(ms).replace(" ", "T")}.${milliseconds}`;
}

/** A time of today as 21:30:05, any other as local time. */
export function clockTime(ms: number, now: number): string {
  const text = localTime(ms);
  const [day = "", time = text] = text.split(" ");
  return localTime(now).startsWith(day) ? time : text;
}

const WEEK_MS = 7 * 86_400_000;

/** A time of the last week as an age, any other as local time. */
export function relativeTime(ms: number, now: number): string {
  const passed = now - ms;
  if (passed < 0 || passed > WEEK_MS) return localTime(ms);
  if (passed < 1_000) return "just now";
  // Only the largest unit: nobody needs the seconds of three hours ago.
  return `${durationText(passed).split(" ").slice(0, 2).join(" ")} ago`;
}

/** A time as ISO 8601 in UTC. */
export function isoTime(ms: number | bigint): string {
  return new Date(Number(ms)).toISOString();
}

/** A duration for people: its two largest units. */
export function durationText(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 10_000) return `${Math.floor(ms / 100) / 10} s`;
  const seconds = Math.floor(ms / 1_000);
  const minutes = Math.floor(seconds / 60);
  const hours = Math.floor(minutes / 60);
  const days = Math.floor(hours / 24);
  if (days > 0) return inUnits(days, "d", hours % 24, "h");
  if (hours > 0) return inUnits(hours, "h", minutes % 60, "min");
  if (minutes > 0) return inUnits(minutes, "min", seconds % 60, "s");
  return `${seconds} s`;
}

function inUnits(
  large: number,
  largeUnit: string,
  small: number,
  smallUnit: string,
): string {
  const head = `${large} ${largeUnit}`;
  return small === 0 ? head : `${head} ${small} ${smallUnit}`;
}
