import { assertEquals } from "@std/assert";
import { collectZombies } from "../../lib/operations/subreaper.ts";
import { type Clock, systemClock } from "../../lib/base/clock.ts";
import { fromFileUrl } from "@std/path";
import { timerSlackIsShown } from "./support.ts";

Deno.test({
  name:
    "a subreaper gets the orphans and reaps them, and Deno's own children keep their exit codes",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    assertEquals(await run("subreaper"), {
      active: true,
      adopted: true,
      codes: [3, ...Array.from({ length: 50 }, (_, i) => i)],
    });
  },
});

Deno.test("a look at thousands of zombies gives other work a turn every 10 ms, and misses none", async () => {
  let now = 0;
  let turns = 0;
  const clock: Clock = {
    ...systemClock,
    monotonic: () => now,
    timer: (ms, callback) => {
      turns += 1;
      return systemClock.timer(ms, callback);
    },
  };
  const reaped: number[] = [];
  const slow = {
    hasEnded: (pid: number) => {
      now += 1;
      return pid !== 7;
    },
    reap: (pid: number) => reaped.push(pid) > 0,
  };
  const children = Array.from({ length: 3_000 }, (_, n) => n + 1);
  const old = new Set(children.slice(0, 2_000));
  const left = await collectZombies(children, old, slow, clock);
  assertEquals(left, new Set(children.slice(2_000)));
  assertEquals(reaped, children.slice(0, 2_000).filter((pid) => pid !== 7));
  assertEquals(turns, 3_000 / 10 - 1);
});

Deno.test({
  name:
    "a chain seen only dead counts as living until no more of it comes (needs CAP_SYS_NICE)",
  ignore: !timerSlackIsShown,
  fn: async () => {
    const { hops, aliveAre, over, receipt } = await run("hidden_chain");
    assertEquals(hops, { asked: 1, ended: 1 });
    assertEquals(aliveAre, [1, 1]);
    assertEquals(over, { asked: 0, ended: 0 });
    assertEquals(receipt, { signalled: 0, alive: [] });
  },
});

/** Runs a program of this folder and returns its report. */
async function run(program: string) {
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--allow-all",
      fromFileUrl(new URL(`./${program}_program.ts`, import.meta.url)),
    ],
    stderr: "inherit",
  }).output();
  return JSON.parse(new TextDecoder().decode(stdout));
}
