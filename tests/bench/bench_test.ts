import { assertEquals, assertThrows } from "@std/assert";
import { fromFileUrl, join } from "@std/path";
import { systemClock } from "../../lib/base/clock.ts";
import { PiriError } from "../../lib/base/errors.ts";
import { systemRandom } from "../../lib/base/random.ts";
import { openStore } from "../../lib/store/open.ts";
import { fillHistory } from "../../bench/history_fill.ts";
import { measure } from "../../bench/measure.ts";
import { parseBenchOptions } from "../../bench/options.ts";
import { pairs } from "../../bench/pairs.ts";
import { inParallel } from "../../bench/parallel.ts";
import { latenciesOf, median, Samples, spread } from "../../bench/samples.ts";
import { TempFolder } from "../support/temp_folder.ts";

const BENCH = fromFileUrl(new URL("../../bench/", import.meta.url));

Deno.test("p99 of a hundred samples is the one before the last", () => {
  const samples = Array.from({ length: 100 }, (_, i) => 100 - i);

  assertEquals(latenciesOf(samples), { p50: 50, p99: 99, max: 100 });
  assertEquals(latenciesOf([7]), { p50: 7, p99: 7, max: 7 });
  assertEquals(latenciesOf([]), { p50: 0, p99: 0, max: 0 });
});

Deno.test("the median of an even count lies between the two in the middle", () => {
  assertEquals(median([5, 1, 3]), 3);
  assertEquals(median([4, 1, 3, 2]), 2.5);
});

Deno.test("spread is the widest distance as a part of the median", () => {
  assertEquals(spread([9, 10, 12]), 0.3);
  assertEquals(spread([10]), 0);
});

Deno.test("both sides are measured in turns, and the first round does not count", async () => {
  const order: string[] = [];
  const side = (name: string, value: number) => () => {
    order.push(name);
    return Promise.resolve(value);
  };
  const shown: unknown[] = [];

  const rounds = await measure(
    { ours: side("ours", 1), beside: side("beside", 2) },
    { rounds: 2, progress: (round) => shown.push(round) },
  );

  assertEquals(rounds, [[1, 2], [1, 2]]);
  assertEquals(shown, rounds);
  assertEquals(
    order,
    ["ours", "beside", "beside", "ours", "ours", "beside"],
  );
});

Deno.test("inParallel() works on each item once, and never on more at a time than its limit", async () => {
  let running = 0;
  let most = 0;
  const done: number[] = [];
  await inParallel([1, 2, 3, 4, 5], 2, async (item) => {
    most = Math.max(most, ++running);
    await Promise.resolve();
    running--;
    done.push(item);
  });

  assertEquals(most, 2);
  assertEquals(done.toSorted(), [1, 2, 3, 4, 5]);
});

Deno.test("all samples are counted, and the newest kept", () => {
  const samples = new Samples();
  samples.add(1_000_000);
  for (let i = 0; i < 100_000; i++) samples.add(i % 100 + 1);

  assertEquals(samples.count, 100_001);
  assertEquals(samples.latencies(), { p50: 50, p99: 99, max: 100 });
});

Deno.test("the bench measures all pairs five times by default", () => {
  const { page, compare, ...all } = parseBenchOptions([], pairs) ?? {};
  assertEquals(all, { pairs, rounds: 5, size: "full" });
  assertEquals([page, compare], [false, false]);

  const some = parseBenchOptions(
    ["connect", "--quick", "--compare"],
    pairs,
  );
  assertEquals(some?.pairs.map(({ name }) => name), ["connect"]);
  assertEquals([some?.rounds, some?.size, some?.compare], [2, "quick", true]);
  assertEquals(parseBenchOptions(["--rounds", "7"], pairs)?.rounds, 7);
  assertEquals(parseBenchOptions(["--help"], pairs), undefined);
});

Deno.test("the bench refuses senseless rounds and unknown flags", () => {
  for (const rounds of ["0", "1.5", "x"]) {
    assertThrows(
      () => parseBenchOptions(["--rounds", rounds], pairs),
      PiriError,
      `Cannot use "--rounds ${rounds}": it takes a whole number from 1`,
    );
  }
  assertThrows(
    () => parseBenchOptions(["--fast"], pairs),
    PiriError,
    "Cannot read the arguments",
  );
});

Deno.test("the bench refuses an unknown pair, and names the nearest", async () => {
  const { code, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--allow-all", join(BENCH, "main.ts"), "fanout"],
    stdin: "null",
  }).output();

  assertEquals(code, 1);
  assertEquals(
    new TextDecoder().decode(stderr),
    `error: Cannot measure "fanout": there are ${
      pairs.map(({ name }) => name).join(", ")
    }; did you mean "fan-out"?\n`,
  );
});

Deno.test("a history that was written directly is one that a Manager could have made", async () => {
  await using folder = await TempFolder.make();
  const path = folder.at("manager.db");
  const parts = { clock: systemClock, random: systemRandom };
  await (await openStore(path, parts))[Symbol.asyncDispose]();

  fillHistory(path, { commands: 1_000, now: systemClock.now() });

  await using store = await openStore(path, parts);
  const failed = await store.commands({
    limit: 1_000,
    agent: "web-3",
    states: ["failed"],
  });
  assertEquals(failed.length, 10);
  assertEquals((await store.stats()).commandsTotal, 1_000n);
  assertEquals(
    await store.prune({
      before: systemClock.now() - 86_400_000,
      outputBytes: 0n,
    }),
    { commands: 0, events: 0, outputBytes: 0n },
  );
});
