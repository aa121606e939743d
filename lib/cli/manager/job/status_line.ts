import type { Job } from "../../../../proto/gen/piri/control/v1/control_messages.ts";
import type { Tally } from "./board.ts";

/** Facts for a status line. */
export interface StatusOfJob {
  readonly tally: Tally;
  /** Commands that go on while their agents are not connected. */
  readonly cutOff: number;
  readonly isPaused: boolean;
  readonly elapsedMs: number;
}

/** Counts of a job and the time since its start in one line, cut to a width in columns. The most urgent comes first. */
export function statusLine(status: StatusOfJob, columns: number): string {
  const parts = partsOf(status);
  const time = elapsedText(status.elapsedMs);
  for (let count = parts.length; count > 0; count--) {
    const shown = parts.slice(0, count).join("  ");
    const line = `${shown}   ${time}`;
    // All of it is ASCII, and the tables of Unicode would cost each start their 10 ms.
    if (line.length <= columns) return line;
  }
  const [first = time] = parts;
  return first.length <= columns ? first : `${first.slice(0, columns - 1)}…`;
}

function partsOf(
  { tally, cutOff, isPaused }: StatusOfJob,
): string[] {
  const failed = tally.failed + tally.timed_out + tally.refused + tally.lost;
  const away = tally.queued + tally.unreachable + tally.expired + cutOff;
  const ended = tally.cancelled + tally.skipped + tally.superseded;
  const counts: [string, number, boolean][] = [
    ["running", tally.running - cutOff, true],
    ["ok", tally.succeeded, true],
    ["failed", failed, false],
    ["away", away, false],
    ["waiting", tally.waiting, false],
    ["not done", ended, false],
  ];
  return [
    ...isPaused ? ["paused"] : [],
    ...counts.filter(([, count, always]) => always || count > 0)
      .map(([name, count]) => `${name} ${count}`),
  ];
}

/** Time from a job's start to its end, or to now, in milliseconds. */
export function elapsedOf(
  { createdAtMs, finishedAtMs }: Pick<Job, "createdAtMs" | "finishedAtMs">,
  now: number,
): number {
  return Math.max(
    0,
    Number(finishedAtMs ?? BigInt(Math.round(now))) - Number(createdAtMs),
  );
}

/** A time as minutes and seconds, with hours if there are any: 00:41, 1:02:03. */
export function elapsedText(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1_000));
  const two = (value: number) => String(value).padStart(2, "0");
  const hours = Math.floor(seconds / 3_600);
  const rest = `${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;
  return hours > 0 ? `${hours}:${rest}` : rest;
}
