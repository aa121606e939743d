import { assertEquals } from "@std/assert";
import { systemClock } from "../../lib/base/clock.ts";
import { environmentFor } from "../../lib/operations/environment.ts";
import {
  identify,
  readProcessTable,
  startTicksOf,
} from "../../lib/operations/process_table.ts";
import { until } from "../support/live_program.ts";
import { ProcessTree } from "../../lib/operations/process_tree.ts";
import { program } from "../support/program.ts";
import { newContext, uniqueSeconds } from "./support.ts";

Deno.test({
  name: "a group is killed at once, also while the process table is being read",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    const { marker } = newContext();
    const [name, ...args] = program("sleepIgnoringTerm", uniqueSeconds());
    await using child = new Deno.Command(name, {
      args,
      env: environmentFor(marker),
      clearEnv: true,
      detached: true,
      stdout: "piped",
    }).spawn();
    const reader = child.stdout.getReader();
    await reader.read();
    const leader = {
      pid: child.pid,
      startTicks: startTicksOf(identify(child.pid)) ?? 0,
    };
    let look = Promise.resolve();
    const tree = new ProcessTree(
      { leader, marker },
      systemClock,
      (clock) => look.then(() => readProcessTable(clock)),
    );
    assertEquals(await tree.ask(), 1);

    const { promise, resolve } = Promise.withResolvers<void>();
    look = promise;
    const asked = tree.ask();
    tree.strike();
    assertEquals((await child.status).signal, "SIGKILL");
    resolve();
    assertEquals(await asked, 0);
    assertEquals(tree.receipt(), { signalled: 1, alive: [] });
    await reader.cancel();
  },
});

Deno.test({
  name:
    "a process that leaves its group while it is looked at is asked to end, too",
  ignore: Deno.build.os !== "linux",
  async fn() {
    const marker = crypto.randomUUID();
    const child = new Deno.Command("/bin/sh", {
      args: ["-c", "setsid sleep 600 & echo; wait"],
      env: environmentFor(marker),
      clearEnv: true,
      detached: true,
      stdout: "piped",
    }).spawn();
    const reader = child.stdout.getReader();
    await reader.read();
    const startTicks = startTicksOf(identify(child.pid)) ?? 0;
    const tree = new ProcessTree(
      { leader: { pid: child.pid, startTicks }, marker },
      systemClock,
      async (clock) => {
        const { processes, complete } = await readProcessTable(clock);
        // As it was before setsid.
        const before = processes.map((one) =>
          one.parent === child.pid ? { ...one, group: child.pid } : one
        );
        return { processes: before, complete };
      },
    );
    await until("the session is its own", async () => {
      const { processes } = await readProcessTable(systemClock);
      return processes.some((one) =>
        one.parent === child.pid && one.group === one.pid
      );
    });

    assertEquals(await tree.ask(), 2);

    await child.status;
    await until("both have ended", async () => await tree.ask() === 0);
    await reader.cancel();
  },
});
