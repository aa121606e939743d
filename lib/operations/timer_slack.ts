import { openLibc } from "./libc.ts";

// The kernel's own default is 50,000 ns. Twice that is still nothing a program would notice.
const LOWEST = 50_001;
const VALUES = 49_999;

/**
 * The timer slack that the processes of a command get, in nanoseconds.
 *
 * A process inherits it over fork and exec, also when it clears its environment and leaves its session, so it tells
 * whose an orphan is when nothing else does. Two commands have the same by a chance of 1 in 50,000.
 *
 * Source: prctl(2), PR_SET_TIMERSLACK; proc_pid_timerslack_ns(5).
 */
export function timerSlackOf(marker: string): number {
  let hash = 0x811c_9dc5; // FNV-1a
  for (let i = 0; i < marker.length; i++) {
    hash = Math.imul(hash ^ marker.charCodeAt(i), 0x0100_0193) >>> 0;
  }
  return LOWEST + hash % VALUES;
}

/** Calls a function that forks on this thread, so that what it forks has this timer slack. Must not be asynchronous. */
export function withTimerSlack<T>(nanoseconds: number, fork: () => T): T {
  const libc = openLibc();
  if (libc === undefined) return fork();
  const before = libc.timerSlack();
  libc.setTimerSlack(nanoseconds);
  try {
    return fork();
  } finally {
    libc.setTimerSlack(before);
  }
}

/** A process's timer slack; undefined if it is gone or, without the capability SYS_NICE, not shown. */
export function readTimerSlack(pid: number): number | undefined {
  try {
    return Number(Deno.readTextFileSync(`/proc/${pid}/timerslack_ns`));
  } catch {
    return undefined;
  }
}
