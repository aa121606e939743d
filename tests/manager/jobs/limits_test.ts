import { assertEquals } from "@std/assert";
import type { PiriError } from "../../../lib/base/errors.ts";
import { checkLimits, shareOf } from "../../../lib/manager/jobs/limits.ts";
import { JobFleet } from "./job_fleet.ts";

const WEB = ["web-1", "web-2", "web-3", "web-4", "web-5"];

Deno.test("a share of the agents is rounded up, and is at least one", () => {
  for (
    const [share, total, number] of [
      [{ count: 3 }, 10, 3],
      [{ percent: 10 }, 10, 1],
      [{ percent: 10 }, 11, 2],
      [{ percent: 1 }, 10, 1],
      [{ percent: 30 }, 10, 3],
      [{ percent: 7 }, 100, 7],
      [{ percent: 100 }, 7, 7],
      [{ percent: 0.01 }, 3, 1],
    ] as const
  ) {
    assertEquals(shareOf(share, total), number, JSON.stringify(share));
  }
});

Deno.test("limits that contradict each other are refused", () => {
  const none = {
    canaryTargets: [],
    cancelRest: false,
    order: "name",
    supersedeKey: "",
  } as const;
  for (
    const [limits, fact] of [
      [
        { ...none, canary: { count: 1 }, canaryTargets: ["web-1"] },
        "the canaries are given both as a number and as target expressions",
      ],
      [
        { ...none, cancelRest: true },
        "the rest is to be cancelled, and no limit of failures and no canary stops the job",
      ],
      [
        { ...none, pauseMs: 1_000 },
        "a pause is between the commands of a batch, and there is no batch",
      ],
    ] as const
  ) {
    let message = "";
    try {
      checkLimits(limits);
    } catch (error) {
      ({ message } = error as PiriError);
    }
    assertEquals(message, `Cannot start the job: ${fact}`);
  }
});

Deno.test("a batch is a sliding window: the next starts whenever one has ended", async () => {
  await using fleet = await JobFleet.start(WEB);
  await fleet.start({ limits: { batch: { count: 2 } } });

  assertEquals(fleet.started, ["web-1", "web-2"]);
  assertEquals(await fleet.counts(), "waiting 3, running 2");
  await fleet.finish("web-2");
  assertEquals(fleet.started, ["web-1", "web-2", "web-3"]);
  await fleet.fail("web-3");
  assertEquals(fleet.started, ["web-1", "web-2", "web-3", "web-4"]);
  await fleet.finish("web-1");
  await fleet.finish("web-4");
  await fleet.finish("web-5");
  assertEquals(await fleet.state(), "failed");
  assertEquals(await fleet.counts(), "succeeded 4, failed 1");
});

Deno.test("a place in the batch is free again after the pause", async () => {
  await using fleet = await JobFleet.start(WEB);
  await fleet.start({ limits: { batch: { count: 2 }, pauseMs: 30_000 } });

  await fleet.finish("web-1");
  await fleet.advance(29_999);
  assertEquals(fleet.started, ["web-1", "web-2"]);
  await fleet.advance(1);
  assertEquals(fleet.started, ["web-1", "web-2", "web-3"]);
});

Deno.test("the rest starts only once all canaries have succeeded", async () => {
  await using fleet = await JobFleet.start(WEB);
  await fleet.start({ limits: { canaryTargets: ["web-4", "web-2"] } });

  assertEquals(fleet.started, ["web-2", "web-4"]);
  await fleet.finish("web-4");
  assertEquals(fleet.started, ["web-2", "web-4"]);
  await fleet.finish("web-2");
  assertEquals(fleet.started, ["web-2", "web-4", "web-1", "web-3", "web-5"]);
});

Deno.test("a canary that does not succeed keeps all further agents from starting", async () => {
  await using fleet = await JobFleet.start(WEB);
  await fleet.start({ limits: { canaryTargets: ["web-[1-2]"] } });
  await fleet.fail("web-2");
  assertEquals((await fleet.jobs.get(1n)).state, "running");
  await fleet.finish("web-1");

  assertEquals(fleet.started, ["web-1", "web-2"]);
  assertEquals(
    await fleet.state(),
    'stopped: the agent "web-2", which came first, did not succeed: failed',
  );
  assertEquals(await fleet.counts(), "succeeded 1, failed 1, skipped 3");
});

Deno.test("canaries are chosen from the agents that are connected", async () => {
  await using fleet = await JobFleet.start(["web-5"]);
  for (const name of WEB.slice(0, 4)) await fleet.manager.knows(name);
  await fleet.start({ limits: { canary: { percent: 10 } } });

  assertEquals(fleet.started, ["web-5"]);
  assertEquals(await fleet.entries(), [
    "web-5 sent",
    "web-1 waiting",
    "web-2 waiting",
    "web-3 waiting",
    "web-4 waiting",
  ]);
});

Deno.test("a job with a canary is refused without a connected agent, and nothing is recorded", async () => {
  await using fleet = await JobFleet.start([]);
  await fleet.manager.knows("web-1");
  const refused = await fleet.start({ limits: { canary: { count: 1 } } })
    .then(() => "started", ({ code }: PiriError) => code);

  assertEquals(refused, "UNAVAILABLE");
  assertEquals(await fleet.jobs.list({ limit: 10 }), []);
});

Deno.test("a job at its limit of failures starts nothing more, and what runs goes on", async () => {
  await using fleet = await JobFleet.start(WEB);
  await fleet.start({
    limits: { batch: { count: 2 }, maxFailures: { count: 2 } },
  });
  await fleet.fail("web-1");
  await fleet.finish("web-2");
  await fleet.fail("web-3");

  assertEquals(fleet.started, ["web-1", "web-2", "web-3", "web-4"]);
  assertEquals(
    await fleet.counts(),
    "running 1, succeeded 1, failed 2, skipped 1",
  );
  await fleet.finish("web-4");
  assertEquals(
    await fleet.state(),
    "stopped: 2 agents have not done it, which reaches its limit of 2",
  );
  assertEquals(
    (await fleet.entries()).at(-1),
    "web-5 skipped: the job was stopped",
  );
});

Deno.test("an agent that is away counts as a failure when its turn comes", async () => {
  await using fleet = await JobFleet.start(["web-1", "web-4"]);
  for (const name of ["web-2", "web-3"]) await fleet.manager.knows(name);
  await fleet.start({
    limits: { batch: { count: 1 }, maxFailures: { count: 2 } },
  });
  assertEquals(await fleet.counts(), "waiting 3, running 1");
  await fleet.finish("web-1");

  assertEquals(fleet.started, ["web-1"]);
  assertEquals(await fleet.counts(), "succeeded 1, unreachable 2, skipped 1");
});

Deno.test("the rest is cancelled at the limit if that is asked for", async () => {
  await using fleet = await JobFleet.start(WEB);
  await fleet.start({
    limits: { maxFailures: { count: 1 }, cancelRest: true },
  });
  await fleet.fail("web-1");

  assertEquals(fleet.cancelled, ["web-2", "web-3", "web-4", "web-5"]);
});

Deno.test("a job at its deadline skips what has not started and cancels what runs", async () => {
  await using fleet = await JobFleet.start(WEB);
  await fleet.start({ limits: { batch: { count: 1 }, deadlineMs: 60_000 } });
  await fleet.advance(59_999);
  assertEquals(fleet.cancelled, []);
  await fleet.advance(1);

  assertEquals(fleet.cancelled, ["web-1"]);
  assertEquals(await fleet.counts(), "running 1, skipped 4");
  await fleet.endCancelled("web-1");
  assertEquals(await fleet.state(), "expired: its deadline has passed");
});

Deno.test("a queued entry starts when its agent comes back in time, and takes no place before", async () => {
  await using fleet = await JobFleet.start(["web-2", "web-3"]);
  await fleet.manager.knows("web-1");
  await fleet.start({ limits: { batch: { count: 1 }, queueMs: 60_000 } });

  assertEquals(fleet.started, ["web-2"]);
  assertEquals(await fleet.entries(), [
    "web-1 queued: its agent is not connected",
    "web-2 sent",
    "web-3 waiting",
  ]);
  await fleet.advance(59_000);
  await fleet.connect("web-1");
  assertEquals(fleet.started, ["web-2"]);
  await fleet.finish("web-2");
  assertEquals(fleet.started, ["web-2", "web-1"]);
  await fleet.advance(2_000);
  await fleet.finish("web-1");
  await fleet.finish("web-3");
  assertEquals(await fleet.state(), "succeeded");
});

Deno.test("a queued entry expires if its agent does not come back in time", async () => {
  await using fleet = await JobFleet.start(["web-2"]);
  for (const name of ["web-1", "web-3"]) await fleet.manager.knows(name);
  await fleet.start({ limits: { batch: { count: 1 }, queueMs: 60_000 } });
  await fleet.advance(60_000);
  assertEquals(
    (await fleet.entries())[0],
    "web-1 expired: its agent did not come back in time",
  );
  await fleet.finish("web-2");

  assertEquals(await fleet.counts(), "succeeded 1, expired 2");
  assertEquals(await fleet.state(), "failed");
  await fleet.connect("web-1");
  assertEquals(fleet.started, ["web-2"]);
});

Deno.test("an agent that came back in time and left before its place was free expires", async () => {
  await using fleet = await JobFleet.start(["web-2"]);
  await fleet.manager.knows("web-1");
  await fleet.start({ limits: { batch: { count: 1 }, queueMs: 60_000 } });
  await fleet.connect("web-1");
  await fleet.advance(61_000);
  assertEquals(
    (await fleet.entries())[0],
    "web-1 queued: its agent is not connected",
  );
  await fleet.disconnect("web-1");
  await fleet.finish("web-2");

  assertEquals(await fleet.counts(), "succeeded 1, expired 1");
});

Deno.test("an entry of an earlier job with the same key is superseded", async () => {
  await using fleet = await JobFleet.start(["web-2", "web-3"]);
  await fleet.manager.knows("web-1");
  const limits = {
    batch: { count: 1 },
    queueMs: 60_000,
    supersedeKey: "night",
  } as const;
  await fleet.start({ limits });
  await fleet.start({ targets: "web-[1-2]", limits });
  await fleet.start({
    targets: "web-3",
    limits: { ...limits, supersedeKey: "" },
  });

  assertEquals(await fleet.entries(1n), [
    "web-1 superseded: job j-2 with the same key came",
    "web-2 sent",
    "web-3 waiting",
  ]);
  assertEquals(await fleet.counts(1n), "waiting 1, running 1, superseded 1");
  await fleet.connect("web-1");
  assertEquals(fleet.started, ["web-2", "web-2", "web-3"]);
});

Deno.test("the order of starting is that of names, or random", async () => {
  await using fleet = await JobFleet.start(["web-10", "web-9", "web-1"]);
  await fleet.start();
  assertEquals(fleet.started, ["web-1", "web-9", "web-10"]);
  const { id } = await fleet.start({ limits: { order: "random" } });
  const names = (await fleet.jobs.entries(id, { from: 0, limit: 9 }))
    .map(({ agent }) => agent);
  assertEquals(fleet.started.slice(3), names);
  assertEquals(names.toSorted(), ["web-1", "web-10", "web-9"]);
});
