import { assertEquals } from "@std/assert";
import {
  EntryState,
  JobOrder,
  JobState,
  OnDisconnect,
  RerunScope,
} from "../../proto/gen/piri/control/v1/control_messages.ts";
import { all, OWNER, refusal, startControl } from "../support/control.ts";
import { aCommand, aJob } from "../support/small_manager.ts";

Deno.test("startJob passes every field of its request on", async () => {
  await using fleet = await startControl();

  const { job, notes } = await fleet.control.jobs.startJob({
    targets: { expressions: ["@web"], exclude: ["web-9"], connectedOnly: true },
    operation: "command.Run",
    params: '{"argv":["uptime"]}',
    timeoutMs: 60_000,
    onDisconnect: OnDisconnect.KILL,
    killAfterMs: 0,
    limits: {
      batch: { share: { case: "percent", value: 10 } },
      canary: { share: { case: "count", value: 1 } },
      maxFailures: { share: { case: "count", value: 3 } },
      cancelRest: true,
      pauseMs: 30_000n,
      order: JobOrder.RANDOM,
      deadlineMs: 60_000n,
      queueMs: 3_600_000n,
      supersedeKey: "night",
    },
    name: "uptime",
    note: "of the web hosts",
    requestId: "r-1",
    requestedBy: "ada",
    skipDenied: true,
    propose: true,
    survive: true,
  });

  assertEquals([job?.id, job?.state], [1n, JobState.RUNNING]);
  assertEquals(notes?.expected, ["web-9"]);
  assertEquals(fleet.manager.asked, [{
    targets: {
      expressions: ["@web"],
      exclude: ["web-9"],
      connectedOnly: true,
      allowMissing: false,
      limit: undefined,
      seed: undefined,
    },
    operation: "command.Run",
    params: '{"argv":["uptime"]}',
    timeoutMs: 60_000,
    onDisconnect: "kill",
    killAfterMs: 0,
    limits: {
      batch: { percent: 10 },
      canary: { count: 1 },
      canaryTargets: [],
      maxFailures: { count: 3 },
      cancelRest: true,
      pauseMs: 30_000,
      order: "random",
      deadlineMs: 60_000,
      queueMs: 3_600_000,
      supersedeKey: "night",
    },
    name: "uptime",
    note: "of the web hosts",
    requestId: "r-1",
    requestedBy: OWNER,
    saidBy: "ada",
    skipDenied: true,
    propose: true,
    survive: true,
  }]);
});

Deno.test("startJob refuses what is out of range, and names the field", async () => {
  await using fleet = await startControl();
  const base = {
    targets: { expressions: ["all"] },
    operation: "echo.Echo",
    requestId: "r-1",
  };

  for (
    const [limits, field] of [
      [{ batch: {} }, "limits.batch"],
      [{ batch: { share: { case: "count", value: 0 } } }, "limits.batch"],
      [
        { maxFailures: { share: { case: "percent", value: 101 } } },
        "limits.max_failures",
      ],
      [{ pauseMs: 0n }, "limits.pause_ms"],
      [{ order: 9 as JobOrder }, "limits.order"],
      [{ supersedeKey: "x".repeat(101) }, "limits.supersede_key"],
    ] as const
  ) {
    const { piri, message } = await refusal(
      fleet.control.jobs.startJob({ ...base, limits }),
    );
    assertEquals([piri, message.split('"')[1]], ["INVALID_ARGUMENT", field]);
  }
  assertEquals(fleet.manager.asked, []);
});

Deno.test("a watched job comes with its entries, the events of commands and its end", async () => {
  await using fleet = await startControl();
  const command = aCommand({ id: 7n, state: "failed", exitCode: 3 });
  const entry = {
    position: 0,
    agent: "web-1",
    state: "started",
    reason: "",
    canary: true,
    commandId: 7n,
    command,
    unreachableSince: null,
  } as const;
  fleet.manager.jobNews.push(
    { job: aJob() },
    { entries: [entry] },
    { complete: true },
    {
      event: {
        kind: "output",
        commandId: 7n,
        stream: "stdout",
        offset: 0n,
        bytes: new Uint8Array([65]),
        cut: 0n,
      },
    },
    { job: aJob({ state: "failed", finishedAt: 2_000 }) },
  );

  const news = await all(
    fleet.control.jobs.watchJob({
      jobId: 1n,
      output: true,
      from: [{ commandId: 7n, stdoutOffset: 5n }],
    }),
  );

  assertEquals(news.map(({ job }) => job?.state), [
    JobState.RUNNING,
    undefined,
    undefined,
    undefined,
    JobState.FAILED,
  ]);
  const [shown] = news[1]?.entries ?? [];
  assertEquals(
    [shown?.agent, shown?.state, shown?.exitCode, shown?.canary],
    ["web-1", EntryState.STARTED, 3, true],
  );
  assertEquals(news[2]?.complete, true);
  assertEquals(news[3]?.event?.commandId, 7n);
  assertEquals(fleet.manager.asked, [{
    id: 1n,
    output: true,
    from: [{ id: 7n, stdoutOffset: 5n, stderrOffset: 0n }],
  }]);
});

Deno.test("jobs are cancelled, paused, resumed and repeated by who proves it", async () => {
  await using fleet = await startControl();
  fleet.manager.madeJobs.push(aJob());
  const { jobs } = fleet.control;

  await jobs.cancelJob({ jobId: 1n, graceMs: 5 });
  await jobs.pauseJob({ jobId: 1n });
  await jobs.resumeJob({ jobId: 1n });
  const again = await jobs.rerunJob({
    jobId: 1n,
    scope: RerunScope.LOST,
    on: ["@web"],
    requestId: "r-2",
  });

  assertEquals(again.job?.rerunOf, 1n);
  const asker = { requestedBy: OWNER, saidBy: "" };
  assertEquals(fleet.manager.asked, [
    { id: 1n, graceMs: 5, ...asker },
    { pause: 1n, asker },
    { resume: 1n, asker },
    {
      id: 1n,
      scope: "lost",
      on: ["@web"],
      requestId: "r-2",
      skipDenied: false,
      ...asker,
    },
  ]);
});

Deno.test("jobs and entries are listed by their filters, and one that is not there is not found", async () => {
  await using fleet = await startControl();
  fleet.manager.madeJobs.push(aJob());
  const { jobs } = fleet.control;

  await jobs.listJobs({ states: [JobState.STOPPED], text: "up", agent: "w" });
  await jobs.listEntries({ jobId: 1n, fromPosition: 3 });

  assertEquals(fleet.manager.asked, [
    { limit: 100, states: ["stopped"], text: "up", agent: "w" },
    { id: 1n, from: 3, limit: 1_000 },
  ]);
  assertEquals((await refusal(jobs.getJob({ jobId: 9n }))).piri, "NOT_FOUND");
  assertEquals(
    (await refusal(jobs.getJob({ jobId: 0n }))).piri,
    "INVALID_ARGUMENT",
  );
});

Deno.test("large output of a job keeps its place among its other news", async () => {
  await using fleet = await startControl();
  const sizes = [1, 4_095, 4_096, 70_000, 300_000];
  for (const [index, size] of sizes.entries()) {
    fleet.manager.jobNews.push(
      {
        event: {
          kind: "output",
          commandId: 7n,
          stream: "stderr",
          offset: BigInt(index),
          bytes: new Uint8Array(size).fill(index),
          cut: 0n,
          at: 1_000 + index,
        },
      },
      { job: aJob({ id: BigInt(index) }) },
    );
  }

  const news = await all(
    fleet.control.jobs.watchJob({ jobId: 1n, output: true }),
  );

  assertEquals(
    news.map(({ job, event }) =>
      event?.event.case === "output"
        ? [event.event.value.offset, event.event.value.bytes]
        : job?.id
    ),
    sizes.flatMap((size, index) => [
      [BigInt(index), new Uint8Array(size).fill(index)],
      BigInt(index),
    ]),
  );
});
