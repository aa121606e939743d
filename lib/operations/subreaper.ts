import { type Clock, systemClock, type Timer } from "../base/clock.ts";
import { openLibc } from "./libc.ts";
import { readProcess } from "./process_table.ts";

/** From a child's end to the look for zombies, in milliseconds. */
const LOOK_MS = 1_000;

let active = false;

/**
 * Makes this program the parent of all descendants that lose theirs, so that they can be found, and takes their
 * status when they end. False where the system has no such thing (all but Linux).
 *
 * Call it once, on the main thread, at the start of the agent. Children of Deno are left to Deno.
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
    // Deno reaps its own children within milliseconds: what was a zombie a second ago is nobody's but ours.
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
 * Ended children of the main thread. The kernel gives orphans to it, while the children that a worker started are the
 * worker's.
 */
function zombieChildren(): number[] {
  try {
    return Deno.readTextFileSync(`/proc/self/task/${Deno.pid}/children`)
      .split(" ").filter((pid) => pid.trim() !== "").map(Number)
      .filter((pid) => readProcess(pid)?.zombie);
  } catch {
    // A kernel without CONFIG_PROC_CHILDREN: zombies stay until the agent ends, and take a table's line each.
    return [];
  }
}
