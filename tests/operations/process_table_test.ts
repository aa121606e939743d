import { assert, assertEquals } from "@std/assert";
import { systemClock } from "../../lib/base/clock.ts";
import {
  parsePs,
  parseStat,
  readProcessTable,
} from "../../lib/operations/process_table.ts";

Deno.test("a process's line is read whatever its name is", () => {
  const line = "4711 (a) S 1 (b) Z 1 4000 4001 0 -1 4194304 98 0 1 0 0 0 " +
    "0 0 20 0 1 0 157518 2560000 340 18446744073709551615";
  assertEquals(parseStat(line), {
    pid: 4711,
    zombie: true,
    parent: 1,
    group: 4000,
    session: 4001,
    startTicks: 157518,
  });
});

Deno.test("the output of ps is parsed", () => {
  const [first, second, ...rest] = parsePs(
    "    1     0     1 Ss\n 4711     1  4711 Z+\n",
  );
  assertEquals(rest, []);
  assertEquals([first?.pid, first?.parent, first?.zombie], [1, 0, false]);
  assertEquals([second?.pid, second?.group, second?.zombie], [
    4711,
    4711,
    true,
  ]);
});

Deno.test({
  name: "the table contains this process",
  ignore: Deno.build.os === "windows",
  fn: async () => {
    const { processes, complete } = await readProcessTable(systemClock);
    const self = processes.find(({ pid }) => pid === Deno.pid);
    assertEquals(self?.parent, Deno.ppid);
    assert(complete);
  },
});
