import { createHash } from "node:crypto";
import { assertEquals } from "@std/assert";
import { Watcher } from "../../support/memory_manager.ts";
import {
  assertBothEnds,
  cutsOf,
  gapOf,
  inBrief,
  lines,
  MIB,
  Noisy,
  QUARTER,
  shownOf,
} from "../../support/noisy_command.ts";

Deno.test("the last line of a noisy stdout and the error after it are in the record", async () => {
  await using noisy = await Noisy.start();
  await noisy.prints("stdout", lines(1, 400_000));
  await noisy.prints("stderr", "FATAL: the real reason\n");
  await noisy.fails();

  await assertBothEnds(noisy, "stdout");
  const [, end] = await noisy.kept("stdout");
  assertEquals(end?.text.slice(-14), "399999\n400000\n");
  assertEquals(await noisy.kept("stderr"), [
    { at: 0, text: "FATAL: the real reason\n" },
  ]);
});

Deno.test("a noisy stderr takes nothing from a quiet stdout", async () => {
  await using noisy = await Noisy.start();
  await noisy.prints("stdout", "begins\n");
  await noisy.prints("stderr", lines(1, 300_000));
  await noisy.prints("stdout", "ends\n");
  await noisy.fails();

  await assertBothEnds(noisy, "stderr");
  assertEquals(await noisy.kept("stdout"), [{ at: 0, text: "begins\nends\n" }]);
});

Deno.test("both ends of each of two noisy streams are kept", async () => {
  await using noisy = await Noisy.start();
  for (let round = 0; round < 20; round++) {
    await noisy.prints("stdout", lines(round * 10_000, round * 10_000 + 9_999));
    await noisy.prints("stderr", lines(round * 15_000, round * 15_000 + 9_999));
  }
  await noisy.fails();

  await assertBothEnds(noisy, "stdout");
  await assertBothEnds(noisy, "stderr");
});

Deno.test("the figures of a noisy command are exact, while it runs and after its end", async () => {
  await using noisy = await Noisy.start();
  await noisy.prints("stdout", lines(1, 200_000));
  await noisy.prints("stderr", "oh\n");
  const running = await noisy.core.commands.get(noisy.id);
  await noisy.fails();

  const printed = BigInt(noisy.printed.stdout.length) + 3n;
  const missing = BigInt(await gapOf(noisy, "stdout"));
  const { state, truncated, stdoutHeld, stderrHeld, outputKept } = await noisy
    .core.commands.get(noisy.id);
  assertEquals(
    { state, truncated, held: stdoutHeld + stderrHeld, outputKept },
    {
      state: "failed",
      truncated: true,
      held: printed,
      outputKept: printed - missing,
    },
  );
  assertEquals([running.truncated, running.outputKept], [true, outputKept]);
  assertEquals((await noisy.core.store.stats()).outputBytes, outputKept);
});

Deno.test("the timeline of a noisy command tells the size of what is not kept", async () => {
  await using noisy = await Noisy.start();
  await noisy.prints("stdout", lines(1, 200_000));
  await noisy.prints("stderr", lines(1, 200_000));
  const told = async () =>
    (await noisy.core.commands.timeline(noisy.id)).entries
      .map(({ text }) => / ([0-9]+) of them not kept/.exec(text)?.[1])
      .filter((size) => size !== undefined);
  const running = await told();
  await noisy.fails();

  const missing = await gapOf(noisy, "stdout") + await gapOf(noisy, "stderr");
  assertEquals(running, [String(missing)]);
  assertEquals(await told(), [String(missing)]);
});

Deno.test("a stream that is only a little longer than its share is kept whole, and not called cut", async () => {
  await using noisy = await Noisy.start();
  await noisy.prints("stdout", "x".repeat(2 * QUARTER + 100));
  await noisy.fails();

  const { truncated, outputKept } = await noisy.core.commands.get(noisy.id);
  assertEquals([truncated, outputKept], [false, BigInt(2 * QUARTER + 100)]);
});

Deno.test("a reader of a noisy record is told of its gap with the exact size", async () => {
  await using noisy = await Noisy.start();
  await noisy.prints("stdout", lines(1, 200_000));
  const early = noisy.core.watch(noisy.id);
  const told = [await early.next() ?? "", await early.next() ?? ""];
  await noisy.fails();
  told.push(...await early.rest());

  const size = await gapOf(noisy, "stdout");
  const later = await noisy.core.watch(noisy.id).rest();
  const cut = `stdout cut ${size} before ${QUARTER + size}`;
  assertEquals(cutsOf(later), [cut]);
  assertEquals(cutsOf(told), [cut]);
  const { length } = noisy.printed.stdout;
  assertEquals(inBrief(later).slice(-2), [`stdout to ${length}`, "failed"]);
});

for (const at of ["running", "ended"] as const) {
  Deno.test(`a watch that begins inside the gap is told of the rest of the gap (${at})`, async () => {
    await using noisy = await Noisy.start();
    await noisy.prints("stdout", lines(1, 200_000));
    const end = {
      running: () => Promise.resolve(),
      ended: () => noisy.fails(),
    };
    await end[at]();
    const size = await gapOf(noisy, "stdout");
    const start = QUARTER + 1_000;
    const watcher = new Watcher(noisy.core, [noisy.id], {
      stdout: BigInt(start),
    });
    const told = [await watcher.next() ?? "", await watcher.next() ?? ""];
    watcher.stop();

    assertEquals(cutsOf(told), [
      `stdout cut ${size - 1_000} before ${QUARTER + size}`,
    ]);
  });
}

Deno.test("a watch of a noisy command that has the beginning goes on at the kept end", async () => {
  await using noisy = await Noisy.start();
  await noisy.prints("stdout", lines(1, 200_000));
  await noisy.fails();
  const [, end] = await noisy.kept("stdout");
  const told = await new Watcher(noisy.core, [noisy.id], {
    stdout: BigInt(end?.at ?? 0),
  }).rest();

  assertEquals(cutsOf(told), []);
  assertEquals(shownOf(told, "stdout") === end?.text, true);
});

Deno.test("a Manager that starts again in the middle of a noisy command keeps both ends", async () => {
  await using noisy = await Noisy.start();
  for (const stop of [1, 2, 3]) {
    await noisy.prints(
      "stdout",
      lines(stop * 100_000, stop * 100_000 + 60_000),
    );
    await noisy.prints("stderr", `stop ${stop}\n`);
    await noisy.restart();
    await noisy.prints("stdout", "again\n");
  }
  await noisy.prints("stdout", lines(1, 9_000));
  await noisy.fails();

  await assertBothEnds(noisy, "stdout");
  assertEquals(await noisy.kept("stderr"), [
    { at: 0, text: "stop 1\nstop 2\nstop 3\n" },
  ]);
  const told = await noisy.core.watch(noisy.id).rest();
  assertEquals(cutsOf(told), [
    `stdout cut ${await gapOf(noisy, "stdout")} before ${
      QUARTER + await gapOf(noisy, "stdout")
    }`,
  ]);
});

Deno.test("a running command whose output an earlier Manager only counted is read, and goes on", async () => {
  await using noisy = await Noisy.start();
  const { core, id } = noisy;
  const old = lines(1, 200_000);
  const [kept, counted] = [old.slice(0, MIB), old.slice(MIB)];
  for (
    const [offset, text, keep] of [
      [0, kept, true],
      [kept.length, counted, false],
    ] as const
  ) {
    await core.store.appendOutput(id, {
      stream: "stdout",
      offset: BigInt(offset),
      bytes: new TextEncoder().encode(text),
      cut: 0n,
      keep,
    });
  }
  noisy.printed.stdout = old;
  await noisy.restart();
  const before = await noisy.kept("stdout");
  await noisy.prints("stdout", "new\n");
  const between = await noisy.kept("stdout");
  await noisy.prints("stdout", lines(1, 100_000));
  await noisy.fails();

  assertEquals(before.map(({ at, text }) => [at, text.length]), [[0, MIB]]);
  assertEquals(between.at(-1), { at: old.length, text: "new\n" });
  await assertBothEnds(noisy, "stdout");
  const size = await gapOf(noisy, "stdout");
  assertEquals(cutsOf(await noisy.core.watch(id).rest()), [
    `stdout cut ${size} before ${QUARTER + size}`,
  ]);
});

Deno.test("the hash of a noisy stream is of what is kept, if its agent tells none", async () => {
  await using noisy = await Noisy.start();
  await noisy.prints("stdout", lines(1, 200_000));
  await noisy.prints("stderr", "oh\n");
  const running = await noisy.core.commands.get(noisy.id);
  await noisy.fails();
  const { stdoutSha256, stderrSha256, hashOfKept } = await noisy.core.commands
    .get(noisy.id);

  const hash = createHash("sha256");
  for (const { text } of await noisy.kept("stdout")) hash.update(text);
  assertEquals([running.stdoutSha256, running.hashOfKept], [null, false]);
  assertEquals(stdoutSha256, new Uint8Array(hash.digest()));
  assertEquals(
    stderrSha256,
    new Uint8Array(createHash("sha256").update("oh\n").digest()),
  );
  assertEquals(hashOfKept, true);
});
