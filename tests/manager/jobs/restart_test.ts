import { PiriError } from "../../../lib/base/errors.ts";
import { assertEquals } from "@std/assert";
import { OTHER_INSTANCE } from "../../support/memory_manager.ts";
import {
  CommandResult_Status,
  CommandState_State,
} from "../../../proto/gen/piri/agent/v1/agent_messages.ts";
import { JobFleet } from "./job_fleet.ts";

const WEB = ["web-1", "web-2", "web-3", "web-4"];

Deno.test("a job goes on after a restart in the middle of its window", async () => {
  const names = [...WEB, "web-5", "web-6"];
  await using fleet = await JobFleet.start(names);
  await fleet.start({
    limits: { batch: { count: 2 }, maxFailures: { count: 2 } },
  });
  await fleet.fail("web-1");
  assertEquals(fleet.started, ["web-1", "web-2", "web-3"]);
  await fleet.restart();

  assertEquals(await fleet.counts(), "waiting 3, running 2, failed 1");
  for (const name of names) await fleet.connect(name);
  assertEquals(fleet.started, ["web-1", "web-2", "web-3"]);
  await fleet.finish("web-2");
  assertEquals(fleet.started, WEB);
  await fleet.fail("web-3");
  await fleet.finish("web-4");
  assertEquals(
    await fleet.state(),
    "stopped: 2 agents have not done it, which reaches its limit of 2",
  );
  assertEquals(await fleet.counts(), "succeeded 2, failed 2, skipped 2");
});

Deno.test("the canaries of a job are remembered over a restart", async () => {
  await using fleet = await JobFleet.start(WEB);
  await fleet.start({ limits: { canaryTargets: ["web-1,web-2"] } });
  await fleet.finish("web-1");
  await fleet.restart();
  for (const name of WEB) await fleet.connect(name);
  assertEquals(fleet.started, ["web-1", "web-2"]);
  await fleet.finish("web-2");

  assertEquals(fleet.started, WEB);
});

Deno.test("a job that is ending ends after a restart", async () => {
  await using fleet = await JobFleet.start(WEB);
  await fleet.start({ limits: { batch: { count: 1 }, deadlineMs: 60_000 } });
  await fleet.restart();
  await fleet.advance(60_000);
  assertEquals(await fleet.counts(), "running 1, skipped 3");
  await fleet.restart();
  await fleet.connect("web-1");
  assertEquals(fleet.cancelled, ["web-1"]);
  await fleet.endCancelled("web-1");

  assertEquals(await fleet.state(), "expired: its deadline has passed");
});

Deno.test("a paused job is still paused after a restart", async () => {
  await using fleet = await JobFleet.start(WEB);
  await fleet.start({ limits: { batch: { count: 1 } } });
  await fleet.jobs.pause(1n, { requestedBy: "anna", saidBy: "" });
  await fleet.restart();
  for (const name of WEB) await fleet.connect(name);
  await fleet.finish("web-1");
  assertEquals(fleet.started, ["web-1"]);
  await fleet.jobs.resume(1n, { requestedBy: "anna", saidBy: "" });
  await fleet.settle();

  assertEquals(fleet.started, ["web-1", "web-2"]);
});

for (const crash of [true, false]) {
  const end = crash ? "crashed" : "stopped";
  Deno.test(`agents that were connected when the Manager ${end} are waited for`, async () => {
    await using fleet = await JobFleet.start(["web-1", "web-2"]);
    await fleet.manager.knows("web-3");
    await fleet.restart({ crash });
    const { notes } = await fleet.ask();
    await fleet.settle();

    assertEquals(notes?.expected, ["web-1", "web-2"]);
    const waits =
      "queued: its agent is expected back after the Manager's restart";
    assertEquals(await fleet.entries(), [
      `web-1 ${waits}`,
      `web-2 ${waits}`,
      "web-3 unreachable: its agent is not connected",
    ]);
    await fleet.connect("web-2");
    assertEquals(fleet.started, ["web-2"]);
    await fleet.advance(29_000);
    assertEquals(await fleet.counts(), "queued 1, running 1, unreachable 1");
    await fleet.advance(1_000);
    assertEquals(await fleet.counts(), "running 1, unreachable 2");
  });
}

Deno.test("agents that had left before the Manager stopped are not waited for", async () => {
  await using fleet = await JobFleet.start(["web-1", "web-2"]);
  await fleet.disconnect("web-2");
  await fleet.advance(1_000);
  await fleet.restart({ crash: false });
  const { notes } = await fleet.ask();

  assertEquals(notes?.expected, ["web-1"]);
});

Deno.test("an agent that came back after a restart and went again is away as any other", async () => {
  await using fleet = await JobFleet.start(["web-1"]);
  await fleet.restart();
  await fleet.connect("web-1");
  await fleet.disconnect("web-1");
  const { notes } = await fleet.ask();
  await fleet.settle();

  assertEquals(notes?.expected, []);
  assertEquals(await fleet.counts(), "unreachable 1");
});

Deno.test("an agent that does not come back in 30 s still has its time if the job has a queue", async () => {
  await using fleet = await JobFleet.start(["web-1"]);
  await fleet.restart();
  await fleet.start({ limits: { queueMs: 60_000 } });
  await fleet.advance(31_000);
  assertEquals(await fleet.counts(), "queued 1");
  await fleet.connect("web-1");

  assertEquals(fleet.started, ["web-1"]);
});

// A database that came back from a backup, and a host that is not the one of before.
for (
  const [what, hello] of [
    ["has accepted ids that were never recorded as sent", {
      lastCommandId: 9n,
    }],
    ["has another journal than then", { instance: OTHER_INSTANCE }],
  ] as const
) {
  Deno.test(`an entry from before the start is lost if its agent ${what}`, async () => {
    await using fleet = await JobFleet.start(["web-1", "web-2"]);
    await fleet.start({ limits: { batch: { count: 1 } } });
    await fleet.restart();
    await fleet.connect("web-1");
    await fleet.connect("web-2", hello);

    assertEquals(await fleet.entries(), [
      "web-1 running",
      "web-2 lost: the database cannot tell if it ran",
    ]);
    await fleet.finish("web-1");
    assertEquals(fleet.started, ["web-1"]);
    assertEquals(await fleet.state(), "failed");
    // A job that is made now is another thing.
    await fleet.start({ targets: "web-2" });
    assertEquals(fleet.started, ["web-1", "web-2"]);
  });
}

Deno.test("an agent that was ahead once does not get the entry by a later hello", async () => {
  await using fleet = await JobFleet.start(["web-1", "web-2"]);
  await fleet.start({ limits: { batch: { count: 1 } } });
  await fleet.restart();
  await fleet.connect("web-2", { lastCommandId: 9n });
  await fleet.start({ targets: "web-2" });
  await fleet.disconnect("web-2");
  await fleet.connect("web-2");
  await fleet.connect("web-1");
  await fleet.finish("web-1");

  assertEquals(fleet.started, ["web-1", "web-2"]);
});

Deno.test("an entry from before the start goes to an agent that never connected then", async () => {
  await using fleet = await JobFleet.start([]);
  await fleet.manager.knows("web-1");
  await fleet.start({ limits: { queueMs: 60_000 } });
  await fleet.restart();
  await fleet.connect("web-1");

  assertEquals(fleet.started, ["web-1"]);
});

Deno.test("jobs go on at a start on a disk that cannot be written", async () => {
  await using fleet = await JobFleet.start(["web-1"]);
  const { slow, jobs } = fleet.manager;
  slow.failOnce("noteStopping", new PiriError("DISK", "Cannot write"));

  await jobs.effects.load([], 1_000);
  await fleet.start();

  assertEquals(fleet.started, ["web-1"]);
});

Deno.test("a lost command that another agent of its name has counts as running, also after a restart", async () => {
  for (const restarts of [0, 1]) {
    await using fleet = await JobFleet.start(["web-1", "web-2"]);
    await fleet.start();
    const first = fleet.received.find(({ agent }) => agent === "web-1");
    await fleet.finish("web-1", CommandResult_Status.LOST);
    const lost = await fleet.counts();
    for (let count = 0; count < restarts; count++) {
      await fleet.restart();
      await fleet.connect("web-2");
    }
    if (fleet.isConnected("web-1")) await fleet.disconnect("web-1");
    await fleet.connect("web-1", {
      instance: OTHER_INSTANCE,
      commands: [{
        commandId: first?.id ?? 0n,
        nonce: first?.nonce ?? 0n,
        state: CommandState_State.RUNNING,
      }],
    });
    const back = await fleet.counts();
    await fleet.finish("web-1");
    await fleet.finish("web-2");

    assertEquals(lost, "running 1, lost 1");
    assertEquals(back, "running 2");
    assertEquals(await fleet.counts(), "succeeded 2");
  }
});
