import { type Clock, systemClock, type Timer } from "../base/clock.ts";
import { type Libc, openLibc } from "./libc.ts";
import { Slices } from "./slices.ts";

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
  let looking = false;
  let seen: ReadonlySet<number> = new Set();
  const look = async () => {
    timer = undefined;
    if (looking) return lookLater();
    looking = true;
    seen = await collectZombies(childrenOfMainThread(), seen, libc, clock);
    looking = false;
    if (seen.size > 0) lookLater();
  };
  const lookLater = () => {
    timer ??= clock.timer(LOOK_MS, look);
  };
  Deno.addSignalListener("SIGCHLD", lookLater);
  return true;
}

/**
 * Collects the status of zombies that were seen before. Deno collects its own children within milliseconds, so one that
 * has been a zombie for a second is not one of them. Returns the zombies that are left.
 *
 * A tree that forks without end leaves thousands, and each costs the kernel some time. So the work is done in slices:
 * the connection to the Manager and the end of that tree cannot wait for it.
 */
export async function collectZombies(
  children: readonly number[],
  seen: ReadonlySet<number>,
  libc: Pick<Libc, "hasEnded" | "reap">,
  clock: Clock,
): Promise<ReadonlySet<number>> {
  const left = new Set<number>();
  const slices = new Slices(clock);
  for (const pid of children) {
    if (slices.isOver) await slices.rest();
    if (!libc.hasEnded(pid)) continue;
    if (!seen.has(pid) || !libc.reap(pid)) left.add(pid);
  }
  return left;
}

/** Children of the main thread. The kernel gives orphans to it; children that a worker started belong to the worker. */
function childrenOfMainThread(): number[] {
  try {
    return Deno.readTextFileSync(`/proc/self/task/${Deno.pid}/children`)
      .split(" ").filter((pid) => pid.trim() !== "").map(Number);
  } catch {
    // A kernel without CONFIG_PROC_CHILDREN: zombies stay until the agent ends, with one line each in the process
    // table.
    return [];
  }
}
