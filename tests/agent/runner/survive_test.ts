import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import type {
  FoundSurvivor,
  NoSurvivor,
  Survivors,
} from "../../../lib/agent/survivors/survivors.ts";
import { CommandResult_Status } from "../../../proto/gen/piri/agent/v1/agent_messages.ts";
import { MemoryAgent, resultOf } from "../../support/memory_agent.ts";

const COMMAND = {
  commandId: 1n,
  nonce: 7n,
  type: "command.Run",
  data: '{"argv":["true"]}',
  survive: true,
};

/** Programs of a host, as a test says. */
class SaidSurvivors implements Survivors {
  readonly calls: string[] = [];
  found: FoundSurvivor | NoSurvivor = { startedAt: 500, elapsedMs: 2_000 };

  find(marker: string) {
    this.calls.push(`find ${marker}`);
    return Promise.resolve(this.found);
  }

  attach(marker: string) {
    this.calls.push(`attach ${marker}`);
    return Promise.resolve();
  }

  remove(marker: string) {
    this.calls.push(`remove ${marker}`);
    return Promise.resolve();
  }

  sweep(markers: ReadonlySet<string>) {
    this.calls.push(`sweep all but ${[...markers]}`);
    return Promise.resolve();
  }
}

Deno.test("an agent refuses to let a program outlive it where that cannot be, and anything else", async () => {
  await using plain = await MemoryAgent.start();
  await using core = await start(new SaidSurvivors());

  const here = await plain.refused(COMMAND);
  const other = await core.refused({ ...COMMAND, type: "echo.Echo" });

  assertStringIncludes(here.output, "that needs Linux");
  assertStringIncludes(other.output, "only a program, command.Run");
});

Deno.test("a program that outlived its agent is taken up, and its time and output go on", async () => {
  const survivors = new SaidSurvivors();
  await using core = await start(survivors);
  const entry = await core.accepted({ ...COMMAND, timeoutMs: 5_000 });
  await core.workers.newest.sink.output("stdout", text("one "), 0);
  assertEquals(core.workers.newest.job.survival, "started");

  await using later = await core.restarted();
  await later.runner.settlePast();
  const work = later.workers.newest;
  const [taken] = later.journal.entries();
  await work.sink.output("stdout", text("one two "), 0);
  await work.sink.output("stdout", text("three"), 20);
  await later.clock.advance(2_999);
  const before = [...work.asked];
  await later.clock.advance(1);

  assertEquals(work.job.survival, "taken up");
  assertEquals(survivors.calls, ["find 1-7", "sweep all but 1-7"]);
  assertEquals(entry.id, taken?.id);
  assertEquals(taken?.produced("stdout"), 25n);
  const rest = await taken?.read("stdout", 4n, 100);
  assertEquals(new TextDecoder().decode(rest?.bytes), "two ");
  const gap = await taken?.read("stdout", 8n, 100);
  assertEquals([gap?.cut, gap?.offset], [12n, 20n]);
  assertEquals([before, work.asked], [[], ["stop"]]);
});

Deno.test("a program that had not begun is refused, and one that cannot be found is lost with the reason", async () => {
  const survivors = new SaidSurvivors();
  await using core = await start(survivors);
  await core.accepted(COMMAND);
  survivors.found = { unbegun: true };
  await using second = await core.restarted();
  await second.runner.settlePast();
  const [first] = second.journal.entries();

  await second.accepted({ ...COMMAND, commandId: 2n });
  survivors.found = { lost: "the host was restarted" };
  await using third = await second.restarted();
  await third.runner.settlePast();
  const [, next] = third.journal.entries();

  assert(first !== undefined && next !== undefined);
  assertEquals(resultOf(first).status, CommandResult_Status.REFUSED);
  assertEquals(resultOf(next).status, CommandResult_Status.LOST);
  assertEquals(resultOf(next).output, "the host was restarted");
  assertEquals(third.sought.length, 1);
});

Deno.test("an agent that stops leaves a program that outlives it, and does not count it as busy", async () => {
  const survivors = new SaidSurvivors();
  await using core = await start(survivors);
  const entry = await core.accepted(COMMAND);
  const { asked } = core.workers.newest;

  const isBusy = core.runner.isBusy;
  await core.runner.stop();

  assertEquals([isBusy, asked, entry.state], [false, [], "running"]);
});

Deno.test("a program that outlives its agent and is cancelled ends before the agent does", async () => {
  await using core = await start(new SaidSurvivors());
  const entry = await core.accepted(COMMAND);
  const work = core.workers.newest;
  const cancel = { commandId: 1n, graceMs: 1_000 };
  core.runner.cancel(cancel, entry.managerId);

  const stopped = core.runner.stop();
  work.sink.ended({ success: false, changed: true, exitCode: 143 });
  await stopped;

  assertEquals(entry.state, "finished");
  assertEquals([...work.asked], ["stop"]);
});

Deno.test("the files kept for a surviving program go once its result is on the disk", async () => {
  const survivors = new SaidSurvivors();
  await using core = await start(survivors);
  const entry = await core.accepted(COMMAND);
  core.workers.newest.sink.ended({ success: true, changed: true, exitCode: 0 });
  await core.clock.settle();

  assertEquals(entry.state, "finished");
  assertEquals(survivors.calls, ["remove 1-7"]);
});

function start(survivors: Survivors): Promise<MemoryAgent> {
  return MemoryAgent.start(undefined, undefined, undefined, survivors);
}

function text(words: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(words);
}
