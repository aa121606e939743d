import { type Clock, systemClock, type Timer } from "../base/clock.ts";
import { openLibc } from "./libc.ts";
import { readProcess } from "./process_table.ts";

/** Time from a child's end to the look for zombies, in milliseconds. */
const LOOK_MS = 1_000;

let active = false;

/**
 * Makes this program the parent of all descendants that lose their own parent, so that they can be found. Collects
 * their status when they end. False if the system cannot do this (all but Linux).
 *
 * Call it once, on the main thread, at the start of the agent. Deno collects its own children itself.
 */
export function becomeSubreaper(clock: Clock = systemClock): boolean {
  const libc = openLibc();
  if (libc === undefined || !libc.becomeSubreaper()) return false;
  if (active) return true;
  active = true;
  let timer: Timer | undefined;
  let seen: ReadonlySet<number> = new Set();
  const look = () => {
    timer = undefined;
    const zombies = zombieChildren();
    // Deno collects its own children within milliseconds, so a process that has been a zombie for a second is not one
    // of them.
    const fresh = zombies.filter((pid) => !(seen.has(pid) && libc.reap(pid)));
    seen = new Set(fresh);
    if (fresh.length > 0) timer = clock.timer(LOOK_MS, look);
  };
  Deno.addSignalListener("SIGCHLD", () => {
    timer ??= clock.timer(LOOK_MS, look);
  });
  return true;
}

/**
 * Ended children of the main thread. The kernel gives orphans to the main thread; children that a worker started belong
 * to the worker.
 */
function zombieChildren(): number[] {
  try {
    return Deno.readTextFileSync(`/proc/self/task/${Deno.pid}/children`)
      .split(" ").filter((pid) => pid.trim() !== "").map(Number)
      .filter((pid) => readProcess(pid)?.zombie);
  } catch {
    // A kernel without CONFIG_PROC_CHILDREN: zombies stay until the agent ends, with one line each in the process
    // table.
    return [];
  }
}
