import { openLibc } from "./libc.ts";

// The kernel's default is 50,000 ns. Twice that is still too little for a program to notice.
const MIN_SLACK_NS = 50_001;
const VALUES = 49_999;

/**
 * Timer slack for the processes of a command, in nanoseconds.
 *
 * A process inherits it over fork and exec, also if it clears its environment and leaves its session. So it identifies
 * an orphan when nothing else does. Two commands have the same slack with a chance of 1 in 50,000.
 *
 * Source: prctl(2), PR_SET_TIMERSLACK; proc_pid_timerslack_ns(5).
 */
export function timerSlackOf(marker: string): number {
  let hash = 0x811c_9dc5; // FNV-1a
  for (let i = 0; i < marker.length; i++) {
    hash = Math.imul(hash ^ marker.charCodeAt(i), 0x0100_0193) >>> 0;
  }
  return MIN_SLACK_NS + hash % VALUES;
}

/**
 * Calls a function that forks on this thread, so that its child has this timer slack. The function must not be
 * asynchronous.
 */
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

/**
 * Timer slack of a process; undefined if the process is gone or if, without the capability SYS_NICE, the kernel hides
 * it.
 */
export function readTimerSlack(pid: number): number | undefined {
  try {
    return Number(Deno.readTextFileSync(`/proc/${pid}/timerslack_ns`));
  } catch {
    return undefined;
  }
}
