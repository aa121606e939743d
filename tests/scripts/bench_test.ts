import { assertEquals, assertThrows } from "@std/assert";
import { fromFileUrl, join } from "@std/path";
import { systemClock } from "../../lib/base/clock.ts";
import { encodeJoinToken } from "../../lib/base/join_token.ts";
import { PiriError } from "../../lib/base/errors.ts";
import {
  identitiesText,
  identityOf,
  readIdentities,
} from "../../scripts/bench/identity.ts";
import { parseLoadOptions } from "../../scripts/bench/load_options.ts";
import { measure } from "../../scripts/bench/measure.ts";
import { inParallel } from "../../scripts/bench/parallel.ts";
import {
  merged,
  readResults,
  resultOf,
  type Results,
} from "../../scripts/bench/results.ts";
import { latenciesOf, median, spread } from "../../scripts/bench/samples.ts";
import { SimulatedFleet } from "../../scripts/bench/simulated_fleet.ts";
import { isMet, markdownTable } from "../../scripts/bench/table.ts";
import { countingRandom } from "../support/counting_random.ts";

const BENCH = fromFileUrl(new URL("../../scripts/bench/", import.meta.url));

Deno.test("of a hundred samples, p99 is the one before the last", () => {
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

Deno.test("a result has the medians, their ratio, and how far the ratios lie apart", () => {
  const result = resultOf({ name: "a", unit: "x/s" }, [
    [10, 20],
    [12, 20],
    [11, 22],
  ]);

  assertEquals(result, {
    name: "a",
    ours: 11,
    beside: 20,
    unit: "x/s",
    ratio: 0.55,
    spread: 0.2,
    rounds: [[10, 20], [12, 20], [11, 22]],
  });
});

function results(commit: string, ...names: string[]): Results {
  return {
    machine: "m",
    commit,
    deno: "d",
    results: names.map((name) => resultOf({ name, unit: "x" }, [[1, 1]])),
  };
}

function namesOf({ results }: Results): string[] {
  return results.map(({ name }) => name);
}

Deno.test("results of the same commit are kept, each name once", () => {
  const now = merged(results("c", "a", "b"), results("c", "b", "c"));

  assertEquals(namesOf(now), ["a", "b", "c"]);
});

Deno.test("results of another commit are dropped", () => {
  assertEquals(
    namesOf(merged(results("c", "a"), results("d", "b"))),
    ["b"],
  );
  assertEquals(namesOf(merged(undefined, results("d", "b"))), ["b"]);
});

Deno.test("results survive being written and read; other files are no results", () => {
  const written = results("c", "a");

  assertEquals(readResults(JSON.stringify(written)), written);
  assertEquals(readResults(`{"results": 3}`), undefined);
  assertEquals(readResults("not JSON"), undefined);
});

Deno.test("the table tells whether a goal is met", () => {
  const pair = {
    name: "a",
    unit: "x/s",
    goal: { least: 0.5 },
    ours: "",
    beside: "",
    open: () => Promise.resolve({ leftOut: "" }),
  };
  const result = resultOf(pair, [[1, 4]]);

  assertEquals(
    markdownTable([{ pair, result }]),
    `\
| name | ours | beside | unit | ratio | spread | goal   |        |
| ---- | ---- | ------ | ---- | ----- | ------ | ------ | ------ |
| a    | 1    | 4      | x/s  | 0.25  | 0 %    | >= 0.5 | missed |`,
  );
  assertEquals(isMet({ least: 0.5 }, 0.5), true);
  assertEquals(isMet({ most: 1.2 }, 1.2), true);
  assertEquals(isMet({ most: 1.2 }, 1.21), false);
});

Deno.test("never more at a time than asked for, and each item once", async () => {
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

Deno.test("the load generator wants to know who the agents are, once", () => {
  for (
    const args of [[], ["--manager-dir", "a", "--token-file", "b"], [
      "--agents",
      "5",
    ]]
  ) {
    assertThrows(
      () => parseLoadOptions(args),
      PiriError,
      "Cannot tell who the agents are",
    );
  }
  assertEquals(parseLoadOptions(["--help"]), undefined);
});

Deno.test("the load generator refuses numbers that make no sense, and flags that it has not", () => {
  const dir = ["--manager-dir", "a"];

  assertThrows(
    () => parseLoadOptions([...dir, "--agents", "0"]),
    PiriError,
    'Cannot use "--agents 0": it takes a number from 1',
  );
  assertThrows(
    () => parseLoadOptions([...dir, "--rate", "fast"]),
    PiriError,
    "a number from 1",
  );
  assertThrows(
    () => parseLoadOptions([...dir, "--agnets", "5"]),
    PiriError,
    "Cannot read the arguments",
  );
  assertEquals(parseLoadOptions([...dir, "--hold", "0"])?.hold, 0);
});

const token = encodeJoinToken({
  name: "sim-00001",
  // Port 1 is nobody's.
  addresses: ["127.0.0.1:1"],
  serverName: "a.piri.internal",
  caCertificate: new Uint8Array([1, 2, 3]),
  secret: "A".repeat(43),
});

Deno.test("an agent that has joined is kept without its token", () => {
  const identity = identityOf(token, countingRandom());
  const { joinToken, ...kept } = identity;

  assertEquals(joinToken, "A".repeat(43));
  assertEquals(readIdentities(identitiesText([identity])), [kept]);
});

Deno.test("dials that fail are counted by their reason", async () => {
  const identity = identityOf(token, countingRandom());
  const fleet = new SimulatedFleet([identity, identity], {
    clock: systemClock,
    outputBytes: 0,
  });

  const { connected, failed, failures } = await fleet.connect({ parallel: 2 });

  assertEquals([connected, failed], [0, 2]);
  assertEquals(Object.values(failures), [2]);
});

Deno.test("simulated agents join, answer a command each, and are gone in the end", async () => {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--allow-all",
      join(BENCH, "thousand.ts"),
      "--agents",
      "20",
    ],
    stdin: "null",
  }).output();

  assertEquals(new TextDecoder().decode(stderr), "");
  assertEquals(code, 0);
  assertEquals(
    new TextDecoder().decode(stdout).trimEnd().split("\n").at(-1),
    "all of it is as it should be",
  );
});

Deno.test("the bench refuses what it does not measure, and knows what was meant", async () => {
  const { code, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--allow-all", join(BENCH, "../bench.ts"), "fanout"],
    stdin: "null",
  }).output();

  assertEquals(code, 1);
  assertEquals(
    new TextDecoder().decode(stderr),
    'error: Cannot measure "fanout": there are fan-out, connect, agent; did you mean "fan-out"?\n',
  );
});
