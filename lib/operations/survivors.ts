import { type Clock, sleep, systemClock } from "../base/clock.ts";
import type { ProcessIdentity, ReapReceipt } from "./operation.ts";
import { startTicksOf } from "./process_table.ts";
import { ProcessTree, type TreeRoot } from "./process_tree.ts";
import { timerSlackOf } from "./timer_slack.ts";

/** How long survivors have to end by themselves, in milliseconds, and how often is looked. */
const GRACE_MS = 2_000;
const LOOK_MS = 50;

/**
 * Ends what still lives of a command whose agent or worker died: SIGTERM, and SIGKILL after a short grace.
 *
 * A process number alone proves nothing: it must come with its start time in this boot, or the process must have the
 * marker. Where the system tells neither (macOS, Windows), nothing is ended.
 */
export async function endSurvivors(
  processes: readonly ProcessIdentity[],
  marker: string,
  clock: Clock = systemClock,
): Promise<ReapReceipt> {
  if (Deno.build.os !== "linux") return { signalled: 0, alive: [] };
  const receipts: ReapReceipt[] = [];
  for (const root of rootsOf(processes, marker)) {
    const tree = new ProcessTree(root, clock);
    const end = clock.monotonic() + GRACE_MS;
    let living = await tree.ask();
    while (living > 0 && clock.monotonic() < end) {
      await sleep(clock, LOOK_MS);
      living = await tree.ask();
    }
    if (living > 0) await tree.end();
    receipts.push(tree.receipt());
  }
  return {
    signalled: receipts.reduce((sum, { signalled }) => sum + signalled, 0),
    alive: [...new Set(receipts.flatMap(({ alive }) => alive))],
  };
}

function rootsOf(
  processes: readonly ProcessIdentity[],
  marker: string,
): TreeRoot[] {
  const roots = processes.flatMap((identity) => {
    const startTicks = startTicksOf(identity);
    if (startTicks === undefined) return [];
    const leader = { pid: identity.pid, startTicks };
    const timerSlack = timerSlackOf(marker);
    return [{ leader, leaderIsOld: true, marker, timerSlack }];
  });
  // The agent may have died after it started a process and before it had noted that.
  return roots.length > 0 ? roots : [{ marker }];
}
