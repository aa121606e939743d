import { assertEquals } from "@std/assert";
import { CommandState } from "../../../proto/gen/piri/control/v1/control_pb.ts";
import { command, FakeManager } from "../fake_manager.ts";
import { jsonLines, start, type Started } from "./start.ts";

/** Arrival of all output: the clock of the test stands still. */
const AT = "2026-01-01T00:00:00.000Z";

/** Starts `run --json` for one command. */
async function startRun(): Promise<Started> {
  const manager = new FakeManager();
  manager.commands = [command()];
  const started = await start(["run", "web-1", "--json", "--", "x"], {
    manager,
    terminals: ["stdout", "stderr"],
  });
  manager.watch.state(command());
  return started;
}

/** Ends the command, and returns the output on the way and at the end. */
async function finish(
  { manager, terminal, code }: Started,
  state = CommandState.SUCCEEDED,
): Promise<Record<string, unknown>[]> {
  manager.watch.state(command({ state })).end();
  await code;
  assertEquals(terminal.stderr.text, "");
  return jsonLines(terminal.stdout.text);
}

function outputs(events: Record<string, unknown>[]) {
  return events.filter(({ event }) => event === "output");
}

Deno.test("run --json prints output, progress, the result and one summary, and nothing else", async () => {
  const started = await startRun();
  started.manager.watch.output(12n, "hi\n")
    .output(12n, "oh\n", { stream: "stderr" }).progress(12n, 1, 2, "half");
  const events = await finish(started, CommandState.FAILED);

  assertEquals(
    events.map(({ event, state }) => [event, state]),
    [
      ["output", undefined],
      ["output", undefined],
      ["progress", undefined],
      ["result", "failed"],
      ["summary", undefined],
    ],
  );
  assertEquals(events[0], {
    event: "output",
    id: "12",
    agent: "web-1",
    stream: "stdout",
    offset: "0",
    at: AT,
    text: "hi\n",
  });
  assertEquals(events[1]?.["stream"], "stderr");
  assertEquals(events[2], {
    event: "progress",
    id: "12",
    agent: "web-1",
    current: 1,
    total: 2,
    message: "half",
  });
  assertEquals(events[4], {
    event: "summary",
    states: {
      queued: 0,
      sent: 0,
      running: 0,
      succeeded: 0,
      failed: 1,
      cancelled: 0,
      timed_out: 0,
      refused: 0,
      lost: 0,
    },
    exitCode: 1,
  });
});

Deno.test("run --json cuts text between characters, and counts offsets in bytes", async () => {
  const started = await startRun();
  const bytes = new TextEncoder().encode("aé€😀z");
  for (let offset = 0; offset < bytes.length; offset++) {
    started.manager.watch.output(12n, bytes.slice(offset, offset + 1), {
      offset: BigInt(offset),
    });
  }
  const events = await finish(started);

  assertEquals(
    outputs(events).map(({ offset, text }) => [offset, text]),
    [["0", "a"], ["1", "é"], ["3", "€"], ["6", "😀"], ["10", "z"]],
  );
});

Deno.test("run --json prints output that is not UTF-8 as base64", async () => {
  const started = await startRun();
  started.manager.watch.output(12n, Uint8Array.of(0x61, 0xff, 0x62));
  const events = await finish(started);

  assertEquals(outputs(events), [{
    event: "output",
    id: "12",
    agent: "web-1",
    stream: "stdout",
    offset: "0",
    at: AT,
    base64: "Yf9i",
  }]);
});

Deno.test("run --json prints half a character at the end as base64, before the result", async () => {
  const started = await startRun();
  started.manager.watch.output(12n, Uint8Array.of(0x61, 0xe2, 0x82));
  const events = await finish(started);

  assertEquals(
    events.map(({ event, offset, text, base64 }) => [
      event,
      offset,
      text ?? base64,
    ]).slice(0, 3),
    [["output", "0", "a"], ["output", "1", "4oI="], [
      "result",
      undefined,
      undefined,
    ]],
  );
});

Deno.test("run --json leaves a byte order mark where it is", async () => {
  const started = await startRun();
  started.manager.watch.output(12n, "\ufeffa");
  const events = await finish(started);

  assertEquals(outputs(events)[0]?.["text"], "\ufeffa");
});

Deno.test("run --json prints a cut in the output as an event with its place", async () => {
  const started = await startRun();
  started.manager.watch.output(12n, "ab")
    .output(12n, "z", { offset: 10n, cut: 8n })
    .cutOff(12n, "too slow");
  const events = await finish(started);

  assertEquals(events.slice(1, 4), [
    {
      event: "cut",
      id: "12",
      agent: "web-1",
      stream: "stdout",
      offset: "2",
      bytes: "8",
    },
    {
      event: "output",
      id: "12",
      agent: "web-1",
      stream: "stdout",
      offset: "10",
      at: AT,
      text: "z",
    },
    { event: "cut_off", id: "12", agent: "web-1", reason: "too slow" },
  ]);
});

Deno.test("run --json prints the summary when it gives up, and on stderr the error alone", async () => {
  const { manager, terminal, code } = await startRun();
  manager.watch.fail();
  manager.down = true;
  await terminal.clock.advance(60_000);

  assertEquals(await code, 3);
  const summary = jsonLines(terminal.stdout.text).at(-1);
  assertEquals([summary?.["event"], summary?.["exitCode"]], ["summary", 3]);
  assertEquals(JSON.parse(terminal.stderr.text), {
    error: {
      code: "UNAVAILABLE",
      message: "Cannot follow command 12: the Manager has been away for 60 s",
      hint: "piri-manager watch 12",
    },
  });
});

Deno.test("run --json prints a result that replaces a presumption, too", async () => {
  const started = await startRun();
  started.manager.watch.state(
    command({ state: CommandState.LOST, presumed: true }),
  );
  const events = await finish(started);

  assertEquals(
    events.filter(({ event }) => event === "result")
      .map(({ state }) => state),
    ["lost", "succeeded"],
  );
  assertEquals(events.at(-1)?.["exitCode"], 0);
});

Deno.test("watch --json of a command that ended long ago prints its result after its output, once", async () => {
  const ended = command({ state: CommandState.SUCCEEDED });
  const manager = new FakeManager();
  manager.commands = [ended];
  const { terminal, code } = await start(["watch", "12", "--json"], {
    manager,
  });
  manager.watch.state(ended).output(12n, "late\n").state(ended).end();

  assertEquals(await code, 0);
  assertEquals(
    jsonLines(terminal.stdout.text).map(({ event }) => event),
    ["output", "result", "summary"],
  );
});
