import { assertEquals } from "@std/assert";
import {
  CommandResult_Status,
  OutputStream,
} from "../../../proto/gen/piri/agent/v1/agent_messages.ts";
import { MemoryManager, type Watcher } from "../../support/memory_manager.ts";
import {
  assertBothEnds,
  cutsOf,
  gapOf,
  inBrief,
  lines,
  Noisy,
  PIECE,
  QUARTER,
  shownOf,
} from "../../support/noisy_command.ts";

/** Offset that the last acknowledgement of stdout named. */
async function acknowledged({ core, agent }: Noisy): Promise<number> {
  await core.clock.settle();
  const acks = agent.heardSoFar().flatMap((body) =>
    body.case === "commandAck" ? [Number(body.value.stdout)] : []
  );
  return Math.max(0, ...acks);
}

/** Starts a watch and reads its first event only. */
async function slowWatch(
  { core, id }: Noisy,
  state = "sent",
): Promise<Watcher> {
  const watcher = core.watch(id);
  assertEquals(await watcher.next(), state);
  return watcher;
}

Deno.test("a slow watcher of output that is kept whole holds nothing back and is not cut off", async () => {
  await using noisy = await Noisy.start();
  const watcher = await slowWatch(noisy);
  await noisy.prints("stdout", lines(1, 70_000));
  assertEquals(noisy.printed.stdout.length < 2 * QUARTER, true);
  assertEquals(await acknowledged(noisy), noisy.printed.stdout.length);
  await noisy.core.clock.advance(14_000);
  await noisy.fails();

  const told = await watcher.rest();
  assertEquals(shownOf(told, "stdout") === noisy.printed.stdout, true);
  assertEquals(inBrief(told).at(-1), "failed");
});

Deno.test("a slow watcher of a long output is shown all of it, and holds the agent back meanwhile", async () => {
  await using noisy = await Noisy.start();
  const watcher = await slowWatch(noisy);
  await noisy.prints("stdout", lines(1, 200_000));
  const held = await acknowledged(noisy);
  // So much fits before the store would have to drop something.
  assertEquals(held > 2 * QUARTER - PIECE, true);
  assertEquals(held < 2 * QUARTER + 2 * PIECE, true);
  await noisy.fails();

  const told = await watcher.rest();
  assertEquals(cutsOf(told), []);
  assertEquals(shownOf(told, "stdout") === noisy.printed.stdout, true);
  await noisy.core.clock.settle();
  await assertBothEnds(noisy, "stdout");
});

Deno.test("an agent is acknowledged on as its slow watcher reads", async () => {
  await using noisy = await Noisy.start();
  const watcher = await slowWatch(noisy);
  await noisy.prints("stdout", lines(1, 200_000));
  const before = await acknowledged(noisy);
  for (let count = 0; count < 6; count++) await watcher.next();
  const after = await acknowledged(noisy);
  watcher.stop();

  assertEquals(after > before, true);
  assertEquals(after < noisy.printed.stdout.length, true);
});

Deno.test("a watcher of a long output that reads nothing for 10 s is cut off, and told what it missed", async () => {
  await using noisy = await Noisy.start();
  const watcher = await slowWatch(noisy);
  await noisy.prints("stdout", lines(1, 200_000));
  await noisy.core.clock.advance(10_000);
  assertEquals(await acknowledged(noisy), noisy.printed.stdout.length);
  await noisy.prints("stdout", lines(1, 100_000));

  const told = await watcher.rest();
  assertEquals(cutsOf(told).length, 1);
  assertEquals(inBrief(told).at(-1), "cut off");
  await noisy.fails();
  await assertBothEnds(noisy, "stdout");
});

Deno.test("a new watcher of a long output is not cut off by what was gone before it came", async () => {
  await using noisy = await Noisy.start();
  for (let round = 0; round < 12; round++) {
    await noisy.prints("stdout", "x".repeat(1_000_000));
  }
  const gap = await gapOf(noisy, "stdout");
  const watcher = noisy.core.watch(noisy.id);
  assertEquals(await watcher.next(), "running");
  await noisy.prints("stdout", lines(1, 100_000));
  await noisy.fails();

  const told = await watcher.rest();
  assertEquals(cutsOf(told), [`stdout cut ${gap} before ${QUARTER + gap}`]);
  assertEquals(
    shownOf(told, "stdout").length + gap,
    noisy.printed.stdout.length,
  );
  assertEquals(inBrief(told).at(-1), "failed");
});

Deno.test("a watcher that has read all is not cut off when the agent has lost much", async () => {
  await using noisy = await Noisy.start();
  await noisy.prints("stdout", "before\n");
  const watcher = noisy.core.watch(noisy.id);
  const told = [await watcher.next() ?? "", await watcher.next() ?? ""];
  noisy.loses("stdout", 1_000_000_000);
  await noisy.prints("stdout", "after\n");
  await noisy.fails();
  told.push(...await watcher.rest());

  assertEquals(told.slice(1), [
    'stdout 0 "before\n"',
    'stdout 1000000007 "after\n" after a cut of 1000000000',
    "failed",
  ]);
});

Deno.test("a watcher that holds back 8 MiB is cut off, so that no agent can fill the disk", async () => {
  await using noisy = await Noisy.start();
  const watcher = await slowWatch(noisy);
  for (let round = 0; round < 12; round++) {
    await noisy.prints("stdout", "x".repeat(1_000_000));
  }
  await noisy.fails();

  assertEquals((await watcher.rest()).at(-1), "cut off");
  await noisy.core.clock.settle();
  await assertBothEnds(noisy, "stdout");
});

Deno.test("a watcher of several commands who takes his time with one loses nothing of another", async () => {
  await using core = await MemoryManager.start({ keepBytes: 0n });
  await core.knows("web-1");
  const agent = await core.admitted("web-1");
  const quiet = await core.run("web-1");
  const noisy = await core.run("web-1");
  const watcher = core.watch(quiet.id, noisy.id);
  assertEquals(await watcher.next(), "sent");
  const commandId = noisy.id;
  const stream = OutputStream.STDOUT;
  const bytes = new TextEncoder().encode("all of it");
  await agent.says("commandOutput", { commandId, stream, offset: 0n, bytes });
  await agent.says("result", {
    commandId,
    status: CommandResult_Status.SUCCESS,
    stdoutBytes: 9n,
  });
  await core.clock.settle();
  await agent.says("result", {
    commandId: quiet.id,
    status: CommandResult_Status.SUCCESS,
  });
  await core.clock.settle();

  const told = await watcher.rest();
  assertEquals(told.filter((each) => each.startsWith("stdout")), [
    'stdout 0 "all of it"',
  ]);
});

Deno.test("a slow watcher of two long streams is shown all of both after the command has ended", async () => {
  await using noisy = await Noisy.start();
  const watcher = await slowWatch(noisy);
  await noisy.prints("stdout", lines(1, 200_000));
  await noisy.prints("stderr", lines(1, 200_000));
  const told = [await watcher.next() ?? ""];
  await noisy.fails();

  let event = await watcher.next();
  while (event !== undefined) {
    told.push(event);
    // Time in which the store could drop something.
    await noisy.core.clock.settle();
    event = await watcher.next();
  }
  assertEquals(cutsOf(told), []);
  assertEquals(shownOf(told, "stdout") === noisy.printed.stdout, true);
  assertEquals(shownOf(told, "stderr") === noisy.printed.stderr, true);
  await noisy.core.clock.settle();
  await assertBothEnds(noisy, "stderr");
});

for (const [size, last] of [["1", 150_000], ["3", 450_000]] as const) {
  Deno.test(`a watch that begins while ${size} MB of output are written shows all that is recorded after it`, async () => {
    await using noisy = await Noisy.start();
    const { core } = noisy;
    await noisy.prints("stdout", lines(1, 50_000));
    const before = noisy.printed.stdout.length;
    assertEquals(before > QUARTER, true);
    const write = core.slow.hold("appendOutput");
    await noisy.prints("stdout", lines(1, last));
    // It reads the record only once that is written, with a part of it dropped.
    const read = core.slow.hold("readOutput");
    const watcher = await slowWatch(noisy, "running");
    const next = watcher.next();
    write();
    await core.clock.settle();
    read();
    const told = [await next ?? ""];
    await noisy.fails();
    told.push(...await watcher.rest());

    assertEquals(await gapOf(noisy, "stdout") > before - QUARTER, true);
    assertEquals(cutsOf(told), [
      `stdout cut ${before - QUARTER} before ${before}`,
    ]);
    const { stdout } = noisy.printed;
    assertEquals(
      shownOf(told, "stdout") ===
        stdout.slice(0, QUARTER) + stdout.slice(before),
      true,
    );
  });
}
