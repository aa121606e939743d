import { assertEquals, assertLessOrEqual } from "@std/assert";
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
