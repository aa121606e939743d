import { assertEquals } from "@std/assert";
import { JobFleet } from "./job_fleet.ts";

const UNSURE =
  "; it may have run already, if this database was restored from a backup";

/** Job of two agents that are away, over a restart of the Manager. */
async function restarted(): Promise<JobFleet> {
  const fleet = await JobFleet.start([]);
  await fleet.manager.knows("web-1");
  await fleet.manager.knows("web-2");
  await fleet.start({ limits: { queueMs: 60_000, batch: { count: 1 } } });
  await fleet.restart();
  return fleet;
}

Deno.test("an entry from before the start that expires before its agent's hello may have run", async () => {
  await using fleet = await restarted();
  await fleet.advance(61_000);

  assertEquals(await fleet.entries(), [
    `web-1 expired: its agent did not come back in time${UNSURE}`,
    `web-2 expired: its agent did not come back in time${UNSURE}`,
  ]);
});

Deno.test("agents without a hello are unsure in a cancelled job from before the Manager's start", async () => {
  await using fleet = await restarted();
  await fleet.jobs.pause(1n, { requestedBy: "test", saidBy: "" });
  await fleet.connect("web-2");
  await fleet.jobs.cancel(1n, { requestedBy: "test", saidBy: "" });
  await fleet.settle();

  assertEquals(await fleet.entries(), [
    `web-1 skipped: the job was cancelled${UNSURE}`,
    "web-2 skipped: the job was cancelled",
  ]);
});

Deno.test("an entry from before the start that is superseded before its agent's hello may have run", async () => {
  await using fleet = await JobFleet.start([]);
  await fleet.manager.knows("web-1");
  const limits = { queueMs: 60_000, supersedeKey: "deploy" };
  await fleet.start({ limits });
  await fleet.restart();
  await fleet.start({ limits });

  assertEquals(await fleet.entries(), [
    `web-1 superseded: job j-2 with the same key came${UNSURE}`,
  ]);
});

Deno.test("entries of a job of this run of the Manager are sure", async () => {
  await using fleet = await JobFleet.start([]);
  await fleet.manager.knows("web-1");
  await fleet.start({ limits: { queueMs: 60_000 } });
  await fleet.advance(61_000);

  assertEquals(await fleet.entries(), [
    "web-1 expired: its agent did not come back in time",
  ]);
});

Deno.test("an id accepted before a restore casts no doubt on entries that came after the hello", async () => {
  await using fleet = await JobFleet.start(["web-1"]);
  await fleet.disconnect("web-1");
  await fleet.connect("web-1", { lastCommandId: 9n, session: 100n });
  await fleet.disconnect("web-1");
  await fleet.start({ limits: { queueMs: 60_000 } });
  await fleet.restart();
  await fleet.connect("web-1", { lastCommandId: 9n, session: 101n });

  assertEquals(fleet.started, ["web-1"]);
});
