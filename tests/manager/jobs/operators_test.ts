import { assertEquals } from "@std/assert";
import { PiriError } from "../../../lib/base/errors.ts";
import { OLD_HELLO } from "../../support/memory_manager.ts";
import { refusal } from "../../support/refusal.ts";
import { JobFleet } from "./job_fleet.ts";

const ANNA = { requestedBy: "anna", saidBy: "" };
const WEB = ["web-1", "web-2", "web-3"];

Deno.test("a cancelled job starts nothing more, and what runs is cancelled", async () => {
  await using fleet = await JobFleet.start(WEB);
  await fleet.start({ limits: { batch: { count: 1 } } });
  const job = await fleet.jobs.cancel(1n, { ...ANNA, graceMs: 7 });
  await fleet.settle();

  assertEquals([job.cancelRequestedBy, job.cancelGraceMs], ["anna", 7]);
  assertEquals(fleet.cancelled, ["web-1"]);
  assertEquals(await fleet.entries(), [
    "web-1 sent",
    "web-2 skipped: the job was cancelled",
    "web-3 skipped: the job was cancelled",
  ]);
  await fleet.endCancelled("web-1");
  assertEquals(await fleet.state(), "cancelled: cancelled by anna");
  assertEquals(
    (await fleet.manager.commands.get(1n)).cancelRequestedBy,
    "anna",
  );
  assertEquals(
    await refusal(fleet.jobs.cancel(1n, ANNA)),
    "FAILED_PRECONDITION: Cannot cancel job j-1: it has ended, it is cancelled",
  );
});

Deno.test("a paused job starts nothing until it is resumed, and what runs goes on", async () => {
  await using fleet = await JobFleet.start(WEB);
  await fleet.start({ limits: { batch: { count: 1 } } });
  await fleet.jobs.pause(1n, ANNA);
  await fleet.finish("web-1");
  assertEquals(fleet.started, ["web-1"]);
  assertEquals(await fleet.state(), "paused: paused by anna");
  await fleet.jobs.resume(1n, ANNA);
  await fleet.settle();

  assertEquals(fleet.started, ["web-1", "web-2"]);
  assertEquals(await fleet.state(), "running");
  assertEquals(
    await refusal(fleet.jobs.resume(1n, ANNA)),
    "FAILED_PRECONDITION: Cannot resume job j-1: it is not paused",
  );
});

Deno.test("a request that is asked again starts nothing twice", async () => {
  await using fleet = await JobFleet.start(WEB);
  const asked = await Promise.all([
    fleet.ask({ requestId: "once" }),
    fleet.ask({ requestId: "once" }),
  ]);
  const again = await fleet.ask({ requestId: "once" });
  await fleet.settle();

  assertEquals([...asked, again].map(({ job }) => job.id), [1n, 1n, 1n]);
  assertEquals(again.notes, undefined);
  assertEquals(fleet.started, WEB);
});

for (
  const [scope, started] of [
    ["all", ["web-1", "web-2", "web-3"]],
    ["failed", ["web-2", "web-3"]],
    ["unreachable", ["web-3"]],
  ] as const
) {
  Deno.test(`a job is repeated on agents of the scope ${scope}, as a new job`, async () => {
    await using fleet = await JobFleet.start(["web-1", "web-2"]);
    await fleet.manager.knows("web-3");
    await fleet.start({ name: "night", params: '{"text":"hi"}' });
    await fleet.finish("web-1");
    await fleet.fail("web-2");
    await fleet.connect("web-3");
    fleet.received.length = 0;
    const { job } = await fleet.jobs.rerun(1n, {
      ...ANNA,
      scope,
      on: [],
      requestId: "again",
    });
    await fleet.settle();

    assertEquals(fleet.started, [...started]);
    assertEquals(
      [job.id, job.rerunOf, job.name, job.params, job.requestedBy],
      [2n, 1n, "night", '{"text":"hi"}', "anna"],
    );
  });
}

for (
  const [name, asked, expressions, started] of [
    ["the set that failed", { scope: "failed" }, ["@failed(j-1)"], "2,4,5"],
    ["those not reached", { scope: "unreachable" }, ["web-[4-5]"], "4,5"],
    ["what was typed", { on: ["web-1", "web-2"] }, ["web-1", "web-2"], "1,2"],
    [
      "what was typed and the job",
      { on: ["web-1", "web-* ! web-2"] },
      ["(web-1,web-* ! web-2) & @job(j-1)"],
      "1,4,5",
    ],
    [
      "what was typed and the set that failed",
      { on: ["web-[1-2]"], scope: "failed" },
      ["web-[1-2] & @failed(j-1)"],
      "2",
    ],
  ] as const
) {
  Deno.test(`targets of a job that is repeated are named: ${name}`, async () => {
    await using fleet = await endedJob();
    const { job } = await fleet.jobs.rerun(1n, {
      ...{ ...ANNA, scope: "all", on: [], requestId: "again" },
      ...asked,
    });
    await fleet.settle();

    assertEquals(job.targets.expressions, [...expressions]);
    assertEquals(
      fleet.started,
      started.split(",").map((number) => `web-${number}`),
    );
  });
}

for (
  const [asked, message] of [
    [
      { on: ["web-1", "web-3"] },
      "Cannot run job j-1 again on web-3: it was not part of that job; start a new one with piri-manager run",
    ],
    [
      { on: ["web-[1-3],db-1"], scope: "failed" },
      "Cannot run job j-1 again on db-1, web-3: they were not part of that job; start a new one with piri-manager run",
    ],
    [
      { on: ["db-*"] },
      "Cannot run job j-1 again: --on means none of its agents",
    ],
    [
      { on: ["web-1"], scope: "failed" },
      "Cannot run job j-1 again: --on means no agent that failed to do it",
    ],
  ] as const
) {
  Deno.test(`a rerun on ${asked.on} is refused with the reason`, async () => {
    await using fleet = await endedJob();
    const again = fleet.jobs.rerun(1n, {
      ...{ ...ANNA, scope: "all", requestId: "again" },
      ...asked,
    });

    assertEquals(await refusal(again), `NOT_FOUND: ${message}`);
    assertEquals(fleet.started, []);
  });
}

/** Fleet with a job that ended well on web-1, failed on web-2, and did not reach web-4 and web-5. */
async function endedJob(): Promise<JobFleet> {
  const fleet = await JobFleet.start(["db-1", "web-1", "web-2", "web-3"]);
  await fleet.manager.knows("web-4");
  await fleet.manager.knows("web-5");
  await fleet.start({ targets: "web-[1,2,4,5]" });
  await fleet.finish("web-1");
  await fleet.fail("web-2");
  await fleet.connect("web-4");
  await fleet.connect("web-5");
  fleet.received.length = 0;
  return fleet;
}

Deno.test("a job is repeated only once it has ended, and only on somebody", async () => {
  await using fleet = await JobFleet.start(["web-1"]);
  await fleet.start();
  const rerun = () =>
    fleet.jobs.rerun(1n, { ...ANNA, scope: "lost", on: [], requestId: "r" });
  assertEquals(
    await refusal(rerun()),
    "FAILED_PRECONDITION: Cannot run job j-1 again: it has not ended, it is running",
  );
  await fleet.finish("web-1");
  assertEquals(
    await refusal(rerun()),
    "NOT_FOUND: Cannot run job j-1 again: none of its commands was lost",
  );
});

Deno.test("sets of a job are targets of the next one", async () => {
  await using fleet = await JobFleet.start(WEB);
  await fleet.start();
  await fleet.finish("web-1");
  await fleet.fail("web-2");
  await fleet.finish("web-3");
  fleet.received.length = 0;
  await fleet.start({ targets: "@ok(j-1)" });
  assertEquals(fleet.started, ["web-1", "web-3"]);
  assertEquals(
    await refusal(fleet.start({ targets: "@failed(j-9)" })),
    "NOT_FOUND: Cannot find the targets: there is no job j-9",
  );
});

Deno.test("an agent that cannot carry it out has an entry that is refused", async () => {
  await using fleet = await JobFleet.start(["web-1"]);
  await fleet.manager.knows("web-2");
  await fleet.connect("web-2", { facts: { operations: "test.Sleep" } });
  await fleet.start();
  await fleet.finish("web-1");

  assertEquals(await fleet.entries(), [
    "web-1 succeeded",
    "web-2 refused: it has no such operation",
  ]);
  assertEquals(await fleet.state(), "failed");
});

Deno.test("wrong parameters are an error of the request, and nothing is recorded", async () => {
  await using fleet = await JobFleet.start([], {
    checkParams: () => {
      throw new PiriError("INVALID_ARGUMENT", "Cannot run: no text");
    },
  });
  await fleet.manager.knows("web-1");
  assertEquals(
    await refusal(fleet.start()),
    "INVALID_ARGUMENT: Cannot run: no text",
  );
  assertEquals(await fleet.jobs.list({ limit: 10 }), []);
});

Deno.test("an agent that takes no commands yet gets its command once it does", async () => {
  await using fleet = await JobFleet.start([]);
  await fleet.manager.knows("web-1");
  const agent = await fleet.manager.hello("web-1", OLD_HELLO);
  await agent.hears("serverHello");
  await fleet.start();
  assertEquals(await fleet.entries(), [
    "web-1 queued: its agent is not ready yet",
  ]);
  await agent.says("pong", { data: (await agent.hears("ping")).data });

  assertEquals((await agent.hears("command")).commandId, 1n);
});

Deno.test("an entry of an agent that is removed is skipped, also if another of its name joins", async () => {
  await using fleet = await JobFleet.start(WEB);
  await fleet.start({ limits: { batch: { count: 1 } } });
  await fleet.manager.agents.remove("web-2");
  await fleet.disconnect("web-2");
  await fleet.manager.knows("web-2");
  await fleet.connect("web-2");
  await fleet.finish("web-1");

  assertEquals(await fleet.entries(), [
    "web-1 succeeded",
    "web-2 skipped: the agent was removed",
    "web-3 sent",
  ]);
  assertEquals(fleet.started, ["web-1", "web-3"]);
});

Deno.test("a job that has ended is judged anew when an agent tells of a command that was lost", async () => {
  await using fleet = await JobFleet.start(["web-1", "web-2"]);
  await fleet.start();
  await fleet.finish("web-1");
  await fleet.manager.commands.giveUp(2n, { requestedBy: "anna" });
  await fleet.settle();
  assertEquals(await fleet.state(), "failed");
  assertEquals(await fleet.counts(), "succeeded 1, lost 1");
  await fleet.finish("web-2");
  await fleet.advance(1_000);

  assertEquals(await fleet.state(), "succeeded");
  assertEquals(await fleet.counts(), "succeeded 2");
});

Deno.test("a lost command that comes back takes its place in the window again", async () => {
  await using fleet = await JobFleet.start(["web-1", "web-2", "web-3"]);
  await fleet.start({ limits: { batch: { count: 1 } } });
  await fleet.manager.commands.giveUp(1n, { requestedBy: "anna" });
  await fleet.settle();
  assertEquals(fleet.started, ["web-1", "web-2"]);
  await fleet.peer("web-1").says("progress", { commandId: 1n, total: 3 });
  await fleet.settle();
  assertEquals(await fleet.counts(), "waiting 1, running 2");
  await fleet.finish("web-2");
  assertEquals(fleet.started, ["web-1", "web-2"]);
  await fleet.finish("web-1");
  assertEquals(fleet.started, ["web-1", "web-2", "web-3"]);
});

Deno.test("jobs are listed newest first, by state, text and agent", async () => {
  await using fleet = await JobFleet.start(WEB);
  await fleet.start({ targets: "web-1", name: "Night", note: "backup" });
  await fleet.finish("web-1");
  await fleet.start({ targets: "web-2", note: "the night run" });
  await fleet.start({ targets: "all" });

  for (
    const [filter, ids] of [
      [{}, [3n, 2n, 1n]],
      [{ limit: 1 }, [3n]],
      [{ beforeId: 3n }, [2n, 1n]],
      [{ states: ["succeeded"] }, [1n]],
      [{ text: "night" }, [2n, 1n]],
      [{ text: "%" }, []],
      [{ agent: "web-2" }, [3n, 2n]],
    ] as const
  ) {
    const list = await fleet.jobs.list({ limit: 10, ...filter });
    assertEquals(list.map(({ id }) => id), [...ids]);
  }
});

Deno.test("events tell how a job began, was paused, resumed and ended", async () => {
  await using fleet = await JobFleet.start(["web-1"]);
  await fleet.start();
  await fleet.jobs.pause(1n, ANNA);
  await fleet.jobs.resume(1n, ANNA);
  await fleet.finish("web-1");

  assertEquals(await fleet.manager.seen({ kinds: ["job_*", "command_*"] }), [
    'command_requested: command 1 (echo.Echo) on "web-1" was requested by test',
    "job_started: job j-1 (echo.Echo) on 1 agent by test",
    "job_paused: job j-1 is paused by anna",
    "job_resumed: job j-1 is resumed by anna",
    "job_ended: job j-1 is succeeded (1 of 1 agents did it)",
    'command_succeeded: command 1 (echo.Echo) on "web-1" succeeded',
  ]);
});

Deno.test("a full disk delays a job, and nothing is started twice", async () => {
  await using fleet = await JobFleet.start(WEB);
  await fleet.start({ limits: { batch: { count: 1 } } });
  fleet.manager.slow.full = new PiriError("DISK", "Cannot write: full");
  await fleet.manager.commands.giveUp(1n, { requestedBy: "anna" }).catch(
    () => {},
  );
  await fleet.advance(6_000);
  assertEquals(fleet.started, ["web-1"]);
  fleet.manager.slow.full = undefined;
  await fleet.finish("web-1");
  fleet.manager.slow.failOnce(
    "startEntries",
    new PiriError("DISK", "Cannot write: full"),
  );
  await fleet.finish("web-2");
  assertEquals(fleet.started, ["web-1", "web-2"]);
  await fleet.advance(5_000);
  assertEquals(fleet.started, WEB);
  await fleet.finish("web-3");
  assertEquals(await fleet.state(), "succeeded");
});

Deno.test("an agent that is removed while a job is being recorded has an end in it", async () => {
  await using fleet = await JobFleet.start(["web-1", "web-2"]);
  const release = fleet.manager.slow.hold("createJob");
  const asked = fleet.ask({ limits: { batch: { count: 1 } } });
  await fleet.settle();
  await fleet.manager.agents.remove("web-2");
  release();
  await asked;
  await fleet.settle();
  assertEquals(await fleet.counts(), "running 1, skipped 1");
  await fleet.finish("web-1");

  assertEquals(await fleet.state(), "failed");
});

Deno.test("an agent that is removed as soon as a job is recorded has an end in it", async () => {
  await using fleet = await JobFleet.start(["web-1", "web-2"]);
  await Promise.all([
    fleet.ask({ limits: { batch: { count: 1 } } }),
    fleet.manager.agents.remove("web-2"),
  ]);
  await fleet.settle();
  await fleet.finish("web-1");

  assertEquals(await fleet.state(), "failed");
  assertEquals(await fleet.counts(), "succeeded 1, skipped 1");
});

Deno.test("running commands of a job that was stopped by its limit can still be cancelled", async () => {
  await using fleet = await JobFleet.start(WEB);
  await fleet.start({
    limits: { batch: { count: 2 }, maxFailures: { count: 1 } },
  });
  await fleet.fail("web-1");
  assertEquals(fleet.cancelled, []);
  await fleet.jobs.cancel(1n, { ...ANNA, graceMs: 9_000 });
  await fleet.settle();
  assertEquals(fleet.cancelled, ["web-2"]);
  const { cancelRequestedBy } = await fleet.manager.commands.get(2n);
  assertEquals(cancelRequestedBy, "anna");
  await fleet.endCancelled("web-2");

  assertEquals(
    await fleet.state(),
    "stopped: 1 agent has not done it, which is its limit",
  );
});

Deno.test("a limit of failures that prevents nothing stops no job", async () => {
  await using fleet = await JobFleet.start(["web-1", "web-2"]);
  await fleet.start({ limits: { maxFailures: { count: 1 } } });
  await fleet.fail("web-1");
  await fleet.finish("web-2");

  assertEquals(await fleet.state(), "failed");
});

Deno.test("a Manager that stops starts nothing more, and its successor does", async () => {
  await using fleet = await JobFleet.start(WEB);
  await fleet.start({ limits: { batch: { count: 1 } } });
  fleet.jobs.effects.stop();
  await fleet.finish("web-1");
  assertEquals(fleet.started, ["web-1"]);
  assertEquals(
    await refusal(fleet.start()),
    'UNAVAILABLE: Cannot run "echo.Echo": the Manager is stopping',
  );
  await fleet.restart({ crash: false });
  await fleet.connect("web-2");

  assertEquals(fleet.started, ["web-1", "web-2"]);
});
