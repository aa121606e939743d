import { type Clock, sleep, systemClock } from "../base/clock.ts";
import type { ProcessIdentity, ReapReceipt } from "./operation.ts";
import { identify, startTicksOf } from "./process_table.ts";
import { ProcessTree, type TreeRoot } from "./process_tree.ts";
import { removeSecretFolder } from "./secret_files.ts";
import { isShielded } from "./shielded.ts";
import { timerSlackOf } from "./timer_slack.ts";
import { WindowsTree } from "./windows_tree.ts";

/** Time that survivors have to end by themselves, and time between two looks, in milliseconds. */
const GRACE_MS = 2_000;
const LOOK_MS = 50;

/**
 * Ends the living processes of a command whose agent or worker died: first SIGTERM, then SIGKILL after a short grace. Then
 * removes the files with its secrets. A program that is shielded is left to end by itself.
 *
 * A process id alone proves nothing: the process must also match the start time in this boot, or have the marker. On
 * Windows, those are ended that still descend from the command's program; on macOS, which tells neither, none.
 */
export async function endSurvivors(
  processes: readonly ProcessIdentity[],
  marker: string,
  clock: Clock = systemClock,
): Promise<ReapReceipt> {
  const receipt = await endAll(processes, marker, clock);
  await removeSecretFolder(marker);
  return receipt;
}

async function endAll(
  processes: readonly ProcessIdentity[],
  marker: string,
  clock: Clock,
): Promise<ReapReceipt> {
  if (Deno.build.os === "windows") return await endOnWindows(processes);
  if (Deno.build.os !== "linux") return { signalled: 0, alive: [] };
  // It goes on without its agent, and ends by itself: half done, it would leave the host worse.
  const shielded = processes.filter((identity) =>
    startTicksOf(identity) !== undefined && isShielded(identity.pid)
  );
  if (shielded.length > 0) {
    return { signalled: 0, alive: shielded.map(({ pid }) => pid) };
  }
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
  return sumOf(receipts);
}

async function endOnWindows(
  processes: readonly ProcessIdentity[],
): Promise<ReapReceipt> {
  const receipts: ReapReceipt[] = [];
  for (const { pid, startTime } of processes) {
    if (startTime === "" || identify(pid).startTime !== startTime) continue;
    const tree = new WindowsTree(pid, { job: undefined });
    await tree.end();
    receipts.push(tree.receipt());
  }
  return sumOf(receipts);
}

function sumOf(receipts: readonly ReapReceipt[]): ReapReceipt {
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
  // The agent may have died between the start of a process and the note about it on disk.
  return roots.length > 0 ? roots : [{ marker }];
}
