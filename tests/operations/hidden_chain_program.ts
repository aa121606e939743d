// A chain of processes of which no look sees a living one; in a program of its own, because it has to be a subreaper.
// deno-lint-ignore-file no-console
import { systemClock } from "../../lib/base/clock.ts";
import { readProcessTable } from "../../lib/operations/process_table.ts";
import { ProcessTree } from "../../lib/operations/process_tree.ts";
import { becomeSubreaper } from "../../lib/operations/subreaper.ts";
import { withTimerSlack } from "../../lib/operations/timer_slack.ts";
import { newContext } from "./support.ts";
import { until } from "../../scripts/local/until.ts";

becomeSubreaper();
const { marker, timerSlack = 0 } = newContext();
const startTicks = 0;
const leader = { pid: await passBy("exit"), startTicks };
let hops = true;
const tree = new ProcessTree(
  { leader, leaderIsOld: true, marker, timerSlack },
  systemClock,
  async (clock) => {
    if (hops) await passBy("env -i setsid true &");
    return await readProcessTable(clock);
  },
);
const asked = await tree.ask();
const whileAsked = tree.receipt();
const ended = await tree.end();
const whileEnded = tree.receipt();
hops = false;
console.log(JSON.stringify({
  hops: { asked, ended },
  aliveAre: [whileAsked.alive.length, whileEnded.alive.length],
  over: { asked: await tree.ask(), ended: await tree.end() },
  receipt: tree.receipt(),
}));

/** Starts what belongs to the command, and waits until all of it has ended. Returns the number of the first. */
async function passBy(line: string): Promise<number> {
  const child = withTimerSlack(
    timerSlack,
    () => new Deno.Command("/bin/sh", { args: ["-c", line] }).spawn(),
  );
  await child.status;
  await until("it has ended", async () => {
    const { processes } = await readProcessTable(systemClock);
    return processes.every(({ parent, zombie }) =>
      parent !== Deno.pid || zombie
    );
  });
  return child.pid;
}
