import { assertEquals, assertLessOrEqual } from "@std/assert";
import { PiriError } from "../../../lib/base/errors.ts";
import { JobFleet } from "./job_fleet.ts";

const WEB = ["web-1", "web-2", "web-3"];

/** News with each entry by itself. */
function partsOf(news: readonly string[]): string[] {
  return news.flatMap((each) => each.split(", "));
}

Deno.test("changes are told at most ten times a second, and the end at once", async () => {
  await using fleet = await JobFleet.start(WEB);
  await fleet.start({ limits: { batch: { count: 1 } } });
  const { news, done } = fleet.watch();
  await fleet.advance(1_000);
  news.length = 0;
  await fleet.finish("web-1");
  const first = news.splice(0);
  await fleet.advance(20);
  await fleet.finish("web-2");
  await fleet.advance(79);
  assertEquals(news, []);
  await fleet.advance(1);
  const second = news.splice(0);
  await fleet.finish("web-3");
  await done;

  assertEquals(first, ["web-1 succeeded", "job running"]);
  assertEquals(second, ["web-2 succeeded, web-3 sent", "job running"]);
  assertEquals(news, ["web-3 succeeded", "job succeeded"]);
});

for (const output of [false, true]) {
  const how = output ? "with its output" : "without output";
  Deno.test(`a job that has ended is told whole ${how}`, async () => {
    await using fleet = await JobFleet.start(["web-1"]);
    await fleet.manager.knows("web-2");
    await fleet.start();
    await fleet.peer("web-1").says("commandOutput", {
      commandId: 1n,
      stream: 1,
      bytes: new TextEncoder().encode("hi"),
    });
    await fleet.finish("web-1");
    const { news, done } = fleet.watch(1n, { output });
    await done;

    const away = "web-2 unreachable: its agent is not connected";
    assertEquals(
      news,
      output
        ? [
          "job failed",
          away,
          "web-1 running",
          "output hi",
          "web-1 succeeded",
          "complete",
          "job failed",
        ]
        : [
          "job failed",
          `web-1 succeeded, ${away}`,
          "complete",
          "job failed",
        ],
    );
  });
}

Deno.test("a watcher that comes back gets the output from its offset on", async () => {
  await using fleet = await JobFleet.start(["web-1"]);
  await fleet.start();
  await fleet.peer("web-1").says("commandOutput", {
    commandId: 1n,
    stream: 1,
    bytes: new TextEncoder().encode("hello"),
  });
  await fleet.settle();
  const { news, stop, done } = fleet.watch(1n, {
    output: true,
    from: [{ id: 1n, stdoutOffset: 3n, stderrOffset: 0n }],
  });
  await fleet.settle();
  stop();
  await done;

  assertEquals(news.filter((each) => each.startsWith("output")), ["output lo"]);
});

Deno.test("the output of a command comes after its entry, and before its end", async () => {
  await using fleet = await JobFleet.start(WEB);
  await fleet.start({ limits: { batch: { count: 1 } } });
  const says = async (agent: string, commandId: bigint, text: string) => {
    const bytes = new TextEncoder().encode(text);
    const output = { commandId, stream: 1, bytes } as const;
    await fleet.peer(agent).says("commandOutput", output);
    await fleet.settle();
  };
  await says("web-1", 1n, "one");
  await fleet.finish("web-1");
  await says("web-2", 2n, "two");
  const { news, done } = fleet.watch(1n, { output: true });
  await fleet.settle();
  await fleet.finish("web-2");
  await says("web-3", 3n, "three");
  await fleet.finish("web-3");
  await done;

  const told = partsOf(news);
  const places = ["one", "two", "three"].map((text, at) => {
    const output = told.indexOf(`output ${text}`);
    const isOf = (each: string) => each.startsWith(`web-${at + 1} `);
    return [
      told.findLast((each, place) => isOf(each) && place < output),
      told.find((each, place) => isOf(each) && place > output),
    ];
  });
  assertEquals(places, [
    ["web-1 running", "web-1 succeeded"],
    ["web-2 running", "web-2 succeeded"],
    ["web-3 running", "web-3 succeeded"],
  ]);
});

Deno.test("commands that start later are followed from their first byte", async () => {
  await using fleet = await JobFleet.start(["web-1", "web-2"]);
  await fleet.start({ limits: { batch: { count: 1 } } });
  const { news, done } = fleet.watch(1n, { output: true });
  await fleet.finish("web-1");
  await fleet.peer("web-2").says("commandOutput", {
    commandId: 2n,
    stream: 1,
    bytes: new TextEncoder().encode("later"),
  });
  await fleet.finish("web-2");
  await done;

  assertEquals(
    partsOf(news).filter((each) => /^(output|.* succeeded)/.test(each)),
    [
      "web-1 succeeded",
      "output later",
      "web-2 succeeded",
      "job succeeded",
    ],
  );
});

Deno.test("a lost command that comes back is told again, with the rest of its output", async () => {
  await using fleet = await JobFleet.start(["web-1", "web-2"]);
  await fleet.start();
  const { news, done } = fleet.watch(1n, { output: true });
  await fleet.settle();
  await fleet.peer("web-1").says("commandOutput", {
    commandId: 1n,
    stream: 1,
    bytes: new TextEncoder().encode("one "),
  });
  await fleet.settle();
  await fleet.manager.commands.giveUp(1n, { requestedBy: "anna" });
  await fleet.advance(200);
  await fleet.peer("web-1").says("commandOutput", {
    commandId: 1n,
    stream: 1,
    offset: 4n,
    bytes: new TextEncoder().encode("two"),
  });
  await fleet.finish("web-1");
  await fleet.finish("web-2");
  await done;

  assertEquals(
    partsOf(news).filter((each) =>
      /^(output|web-1 (lost|succeeded))/.test(each)
    ),
    ["output one ", "web-1 lost", "output two", "web-1 succeeded"],
  );
  assertEquals(news.at(-1), "job succeeded");
});

Deno.test("entries that wait in thousands come in chunks, and a slow reader holds no records", async () => {
  await using fleet = await JobFleet.start([]);
  const names = Array.from({ length: 1_200 }, (_, index) => `w-${index}`);
  for (const name of names) await fleet.manager.knows(name);
  await fleet.start({ limits: { queueMs: 60_000 } });
  const signal = new AbortController().signal;
  const stream = fleet.jobs.watch(1n, { output: false, from: [], signal });
  const sizes: number[] = [];
  const states = new Map<string, string>();
  for await (const { job, entries } of stream) {
    for (const { agent, state } of entries ?? []) states.set(agent, state);
    const isFirst = entries !== undefined && sizes.length === 0;
    if (entries !== undefined) sizes.push(entries.length);
    // While it takes its time over the first page, all entries expire.
    if (isFirst) await fleet.advance(61_000);
    if (job?.state === "failed" && states.size === 1_200) break;
  }

  assertLessOrEqual(Math.max(...sizes), 500);
  assertEquals(new Set(states.values()), new Set(["expired"]));
});

Deno.test("a watcher that stops leaves nothing behind", async () => {
  await using fleet = await JobFleet.start(["web-1"]);
  await fleet.start();
  const { stop, done, news } = fleet.watch(1n, { output: true });
  await fleet.settle();
  stop();
  await done;
  const told = news.length;
  await fleet.finish("web-1");

  assertEquals(news.length, told);
});

for (const output of [false, true]) {
  const how = output ? "with output" : "without output";
  Deno.test(`a watch ${how} tells that the agent of a command has gone and is back`, async () => {
    await using fleet = await JobFleet.start(["web-1", "web-2"]);
    await fleet.start();
    await fleet.advance(1_000);
    const { away, stop, done } = watchAway(fleet, output);
    await fleet.advance(1_000);
    const before = away.get("web-2");
    await fleet.disconnect("web-2");
    const leftAt = fleet.manager.clock.now();
    await fleet.advance(1_000);
    const gone = away.get("web-2");
    await fleet.connect("web-2");
    await fleet.advance(1_000);
    const back = away.get("web-2");
    stop();
    await done;

    assertEquals([before, gone, back], [null, leftAt, null]);
    assertEquals(away.get("web-1"), null);
  });

  Deno.test(`a watch ${how} tells that the database cannot be written, and that it can again`, async () => {
    await using fleet = await JobFleet.start(["web-1"]);
    await fleet.start();
    const { news, stop, done } = fleet.watch(1n, { output });
    await fleet.settle();
    fleet.manager.slow.full = new PiriError(
      "DISK",
      "Cannot commit 1 write: database or disk is full",
    );
    await fleet.finish("web-1");
    await fleet.advance(1_000);
    const failing = news.filter((each) => each === "storage").length;
    const late = fleet.watch(1n, { output });
    await fleet.settle();
    const toldLate = late.news.includes("storage");
    fleet.manager.slow.full = undefined;
    await fleet.advance(20_000);
    stop();
    late.stop();
    await Promise.all([done, late.done]);

    assertEquals([failing, toldLate], [1, true]);
    assertEquals(news.filter((each) => each === "storage").length, 2);
  });
}

Deno.test("a queued agent is away since its last connection, also after a restart of the Manager", async () => {
  await using fleet = await JobFleet.start(["web-1"]);
  await fleet.manager.knows("web-2");
  await fleet.advance(3_000);
  await fleet.disconnect("web-1");
  const leftAt = fleet.manager.clock.now();
  await fleet.advance(5_000);
  await fleet.start({ limits: { queueMs: 3_600_000 } });
  const told: (number | null)[][] = [];
  for (let restarts = 0; restarts < 2; restarts++) {
    const entries = await fleet.jobs.entries(1n, { from: 0, limit: 10 });
    told.push(entries.map(({ unreachableSince }) => unreachableSince));
    await fleet.restart();
  }

  // The second one was never connected.
  assertEquals(told, [[leftAt, null], [leftAt, null]]);
});

/** Watches the first job. `away` has since when each agent of it is away. */
function watchAway(fleet: JobFleet, output: boolean): {
  readonly away: Map<string, number | null>;
  readonly done: Promise<void>;
  stop(): void;
} {
  const away = new Map<string, number | null>();
  const abort = new AbortController();
  const { signal } = abort;
  const read = async () => {
    const stream = fleet.jobs.watch(1n, { output, from: [], signal });
    for await (const { entries = [] } of stream) {
      for (const { agent, unreachableSince } of entries) {
        away.set(agent, unreachableSince);
      }
    }
  };
  return { away, done: read(), stop: () => abort.abort() };
}
