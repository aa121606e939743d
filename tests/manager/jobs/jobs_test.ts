import { assertEquals } from "@std/assert";
import { JobFleet } from "./job_fleet.ts";

Deno.test("a job starts a command on each of its agents, and succeeds once all have", async () => {
  await using fleet = await JobFleet.start(["web-1", "web-2"]);
  const job = await fleet.start();

  assertEquals(job.id, 1n);
  assertEquals(fleet.started, ["web-1", "web-2"]);
  assertEquals(await fleet.counts(), "running 2");
  await fleet.finish("web-2");
  assertEquals(await fleet.state(), "running");
  await fleet.finish("web-1");

  assertEquals(await fleet.state(), "succeeded");
  assertEquals(await fleet.entries(), ["web-1 succeeded", "web-2 succeeded"]);
});

Deno.test("a watcher of a job hears of it, of all entries, and of its end", async () => {
  await using fleet = await JobFleet.start(["web-1", "web-2"]);
  await fleet.start();
  const { news, done } = fleet.watch();
  await fleet.settle();
  await fleet.finish("web-1");
  await fleet.advance(100);
  await fleet.fail("web-2");
  await done;

  assertEquals(news, [
    "job running",
    "web-1 sent, web-2 sent",
    "complete",
    "web-1 succeeded",
    "job running",
    "web-2 failed",
    "job failed",
  ]);
});

Deno.test("a watcher with output hears the end of a command after all its output", async () => {
  await using fleet = await JobFleet.start(["web-1"]);
  await fleet.start();
  const { news, done } = fleet.watch(1n, { output: true });
  await fleet.settle();
  const [command] = fleet.received;
  await fleet.peer("web-1").says("commandOutput", {
    commandId: command?.id ?? 0n,
    stream: 1,
    bytes: new TextEncoder().encode("hi"),
  });
  await fleet.finish("web-1");
  await done;

  assertEquals(news, [
    "job running",
    "web-1 sent",
    "complete",
    "output hi",
    "web-1 succeeded",
    "job succeeded",
  ]);
});

Deno.test("an agent that is away is unreachable, and the job fails", async () => {
  await using fleet = await JobFleet.start(["web-1"]);
  await fleet.manager.knows("web-2");
  await fleet.start();
  await fleet.finish("web-1");

  assertEquals(await fleet.entries(), [
    "web-1 succeeded",
    "web-2 unreachable: its agent is not connected",
  ]);
  assertEquals(await fleet.state(), "failed");
});
