import { assertEquals, assertStringIncludes } from "@std/assert";
import { CommandState } from "../../../../proto/gen/piri/control/v1/control_pb.ts";
import { type ManyRun, startMany } from "./many_run.ts";

const PERSON = {
  terminals: ["stdout", "stderr"],
  env: { NO_COLOR: "1", USER: "ann" },
  keyboard: true,
} as const;

const QUESTION = "cancel the job [c], leave it running [d], go on [Enter]?";

/** A job of two agents at a terminal, whose commands end as cancelled. */
async function atTerminal(flags: readonly string[] = []): Promise<ManyRun> {
  return await startMany([
    { agent: "web-1", state: CommandState.CANCELLED },
    { agent: "web-2", state: CommandState.CANCELLED },
  ], { ...PERSON, flags });
}

/** Users whose cancel the Manager has recorded. */
function cancels({ manager }: ManyRun): string[] {
  return manager.jobCancels.map(({ requestedBy }) => requestedBy);
}

for (const flags of [[], ["--stream"]] as const) {
  Deno.test(`Ctrl-C at a terminal asks, and cancels nothing yet ${flags}`, async () => {
    const run = await atTerminal(flags);
    await run.terminal.interrupt();
    await run.terminal.clock.advance(4_900);

    assertStringIncludes(run.terminal.stderr.text, QUESTION);
    assertEquals(cancels(run), []);
    await run.terminal.press("c");
    await run.finish();
    assertEquals([await run.code, cancels(run)], [7, ["ann"]]);
  });
}

for (
  const [what, answer] of [
    ["c", (run: ManyRun) => run.terminal.press("c")],
    [
      "no answer within 5 s",
      (run: ManyRun) => run.terminal.clock.advance(5_000),
    ],
    ["a second Ctrl-C", (run: ManyRun) => run.terminal.interrupt()],
    ["SIGTERM", (run: ManyRun) => run.terminal.signal("SIGTERM")],
    ["SIGHUP", (run: ManyRun) => run.terminal.signal("SIGHUP")],
  ] as const
) {
  Deno.test(`Ctrl-C and ${what} cancels the job and waits for its end`, async () => {
    const run = await atTerminal();
    await run.terminal.interrupt();
    await answer(run);
    const before = cancels(run);
    await run.finish();

    assertEquals([await run.code, before], [7, ["ann"]]);
    assertStringIncludes(run.terminal.stderr.text, "cancelling job j-17…\n");
    assertEquals(run.terminal.isListening, false);
  });
}

Deno.test("Ctrl-C and d leaves the job running, and tells how to go on", async () => {
  const run = await atTerminal();
  await run.terminal.interrupt();
  await run.terminal.press("d");

  assertEquals([await run.code, cancels(run)], [130, []]);
  assertStringIncludes(
    run.terminal.stderr.text,
    "error: Stopped waiting for job j-17: what runs goes on\n" +
      "hint: piri-manager job watch j-17\n",
  );
  assertEquals(run.terminal.isListening, false);
});

Deno.test("Ctrl-C and Enter goes on, and the next Ctrl-C asks again", async () => {
  const run = await atTerminal();
  await run.terminal.interrupt();
  await run.terminal.press("\n");
  await run.terminal.clock.advance(10_000);
  await run.terminal.interrupt();
  await run.terminal.press("x");
  await run.terminal.press("d");

  assertEquals([await run.code, cancels(run)], [130, []]);
  assertEquals(run.terminal.stderr.text.split(QUESTION).length, 3);
});

Deno.test("a signal after the cancel stops waiting: 7 if it is recorded, 130 if not", async () => {
  const codes: number[] = [];
  for (const answer of [() => {}, () => new Promise<void>(() => {})]) {
    const run = await atTerminal();
    run.manager.onCancelJob = answer;
    await run.terminal.interrupt();
    await run.terminal.press("c");
    await run.terminal.interrupt();
    codes.push(await run.code);
  }

  assertEquals(codes, [7, 130]);
});

Deno.test("a signal cancels without a keyboard, and a second one leaves with 7", async () => {
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    const run = await startMany([{ agent: "web-1" }]);
    await run.terminal.signal(signal);
    const before = cancels(run).length;
    await run.terminal.signal(signal);

    assertEquals([before, await run.code], [1, 7]);
    assertEquals(run.terminal.stderr.text.includes(QUESTION), false);
  }
});

Deno.test("the end of the job while the question is open ends it", async () => {
  const run = await atTerminal();
  await run.terminal.interrupt();
  await run.finish();

  assertEquals([await run.code, cancels(run)], [7, []]);
  assertEquals(run.terminal.isListening, false);
});
