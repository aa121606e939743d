import { assertEquals } from "@std/assert";
import {
  CommandState,
  EntryState,
  OnDisconnect,
} from "../../../../proto/gen/piri/control/v1/control_pb.ts";
import { clockTime, isoTime, localTime } from "../../../../lib/cli/time.ts";
import { command, entryOf, FakeManager } from "../../fake_manager.ts";
import { Screen } from "../../screen.ts";
import { jsonLines, start } from "../start.ts";
import { without } from "./entries.ts";
import { type ManyRun, startMany } from "./many_run.ts";

const TERMINAL = {
  terminals: ["stdout", "stderr"],
  env: { NO_COLOR: "1" },
} as const;

const ENDS = ["web-1", "web-2", "web-3", "db-1"].map((agent) => ({ agent }));

/** Tells that agents of a run have gone at this time. */
function leave(run: ManyRun, names: readonly string[], since: number): void {
  for (const each of run.commands) {
    if (!names.includes(each.agent)) continue;
    run.manager.watch.state(
      command({ ...each, unreachableSinceMs: BigInt(since) }),
    );
  }
}

/** Tells that agents of a run are connected again. */
function comeBack(run: ManyRun, names: readonly string[]): void {
  for (const each of run.commands) {
    if (names.includes(each.agent)) run.manager.watch.state(each);
  }
}

/** Lines on standard error after the head line, and before the first end. */
function waitLines(run: ManyRun): string[] {
  return run.terminal.stderr.text.split("\n").slice(1)
    .filter((line) => /away|back|taken|database/.test(line));
}

for (
  const [form, flags] of [["blocks", []], ["lines", ["--stream"]]] as const
) {
  Deno.test(`agents that go while a job runs share a line in the form of ${form}, and one when they are back`, async () => {
    const run = await startMany(ENDS, { flags: [...flags] });
    const { clock } = run.terminal;
    const since = clock.now();
    leave(run, ["web-1", "web-2", "web-3"], since);
    await clock.advance(1_000);
    const gone = waitLines(run);
    await clock.advance(11_000);
    comeBack(run, ["web-2"]);
    await clock.advance(1_000);
    comeBack(run, ["web-1", "web-3"]);
    await clock.advance(1_000);
    await run.finish();
    await run.code;

    const seen = clockTime(since, since);
    assertEquals(gone, [
      `web-[1-3]: away (last seen ${seen}), the command goes on there`,
    ]);
    assertEquals(waitLines(run).slice(1), [
      "web-2: back after 13 s",
      "web-[1,3]: back",
    ]);
  });

  Deno.test(`a lost connection of a second is not told in the form of ${form}`, async () => {
    const run = await startMany(ENDS, { flags: [...flags] });
    leave(run, ["web-1"], run.terminal.clock.now());
    await run.terminal.clock.advance(500);
    comeBack(run, ["web-1"]);
    await run.terminal.clock.advance(60_000);
    await run.finish();

    assertEquals(await run.code, 0);
    assertEquals(waitLines(run), []);
  });

  Deno.test(`commands that are not taken share a line after 5 s in the form of ${form}`, async () => {
    const run = await startMany(ENDS, { flags: [...flags] });
    const { clock } = run.terminal;
    for (const each of run.commands) {
      const state = CommandState.SENT;
      run.manager.watch.state(command({ ...each, state }));
    }
    await clock.advance(4_000);
    comeBack(run, ["db-1"]);
    const early = waitLines(run);
    await clock.advance(1_000);
    await run.finish();
    await run.code;

    assertEquals(early, []);
    assertEquals(waitLines(run), [
      "web-[1-3]: the command was sent, and its agent has not taken it yet",
    ]);
  });

  Deno.test(`a Manager that cannot write its database is told in the form of ${form}`, async () => {
    const run = await startMany(ENDS, { flags: [...flags] });
    const sinceMs = BigInt(run.terminal.clock.now());
    run.manager.watch.storage({ sinceMs, reason: "disk is full" }).storage();
    await run.finish();
    await run.code;

    assertEquals(waitLines(run), [
      `the Manager cannot write its database since ${
        localTime(Number(sinceMs))
      }: disk is full`,
      "the Manager can write its database again",
    ]);
  });
}

Deno.test("the row at a terminal counts those that are away, and a line above it says why", async () => {
  const run = await startMany(ENDS, TERMINAL);
  const screen = new Screen(run.terminal);
  const { clock } = run.terminal;
  const since = clock.now();
  leave(run, ["web-2"], since);
  await clock.advance(1_000);
  const lines = await screen.lines();
  await run.finish();
  await run.code;

  assertEquals(lines.slice(1), [
    `web-2: away for 1 s (last seen ${
      clockTime(since, since)
    }), the command goes on there`,
    "running 3  ok 0  away 1   00:01",
  ]);
});

Deno.test("agents whose commands meet another fate have a line of their own", async () => {
  const manager = new FakeManager();
  manager.commands = ENDS.map(({ agent }, index) =>
    command({ id: BigInt(101 + index), agent })
  );
  const since = manager.createdAtMs;
  manager.entries = manager.commands.map((each, position) =>
    position === 3
      ? { ...without(each.agent, EntryState.QUEUED), position }
      : entryOf({ ...each, unreachableSinceMs: since }, position)
  );
  const { terminal } = await start(
    ["run", "*", "--queue", "1h", "--on-disconnect", "kill", "--", "x"],
    { manager },
  );
  await terminal.clock.advance(1_000);

  const last = Number(since);
  assertEquals(manager.runs[0]?.onDisconnect, OnDisconnect.KILL);
  assertEquals(terminal.stderr.text.trimEnd().split("\n").slice(1), [
    `web-[1-3]: away (last seen ${
      clockTime(last, terminal.clock.now())
    }), the command is ended there`,
    `db-1: away, the command waits for it until ${
      clockTime(last + 3_600_000, terminal.clock.now())
    }`,
  ]);
});

Deno.test("agents with names that do not fold are counted", async () => {
  const ends = Array.from({ length: 60 }, (_, index) => ({
    agent: `host-${String.fromCharCode(97 + index % 26)}${"x".repeat(index)}`,
  }));
  const run = await startMany(ends);
  const since = run.terminal.clock.now();
  leave(run, ends.map(({ agent }) => agent), since);
  await run.terminal.clock.advance(1_000);

  assertEquals(waitLines(run), [
    `60 agents: away (last seen ${
      clockTime(since, since)
    }), the command goes on there`,
  ]);
});

Deno.test("--quiet tells failures and the summary only", async () => {
  const run = await startMany(ENDS, { flags: ["--quiet"] });
  leave(run, ["web-1"], run.terminal.clock.now());
  await run.terminal.clock.advance(60_000);

  assertEquals(waitLines(run), []);
});

Deno.test("--json tells why each agent of a job waits, when that changes", async () => {
  const run = await startMany(ENDS, { flags: ["--json"] });
  const { clock } = run.terminal;
  const since = clock.now();
  leave(run, ["web-1"], since);
  await clock.advance(600_000);
  comeBack(run, ["web-1"]);
  run.manager.watch.state(
    command({ id: 102n, agent: "web-2", state: CommandState.SENT }),
  );
  await clock.advance(5_000);
  run.manager.watch.storage({ sinceMs: 5n, lastMs: 6n, reason: "full" })
    .storage();
  await run.finish();
  await run.code;

  assertEquals(waitEvents(run.terminal.stdout.text), [
    waiting("101", "web-1", "away", since),
    waiting("101", "web-1"),
    waiting("102", "web-2", "untaken", since + 600_000),
    {
      event: "storage",
      failure: { since: isoTime(5), last: isoTime(6), reason: "full" },
    },
    { event: "storage", failure: null },
  ]);
});

Deno.test("--json tells why the command of one agent waits, when that changes", async () => {
  const manager = new FakeManager();
  manager.commands = [command()];
  const { terminal, code } = await start(
    ["run", "web-1", "--json", "--", "x"],
    { manager },
  );
  const since = terminal.clock.now();
  manager.watch.state(command({ unreachableSinceMs: BigInt(since) }));
  await terminal.clock.advance(600_000);
  manager.watch.state(command()).storage({ reason: "full" }).storage()
    .state(command({ state: CommandState.SUCCEEDED })).end();

  assertEquals(await code, 0);
  assertEquals(waitEvents(terminal.stdout.text), [
    waiting("12", "web-1", "away", since),
    waiting("12", "web-1"),
    {
      event: "storage",
      failure: { since: isoTime(0), last: isoTime(0), reason: "full" },
    },
    { event: "storage", failure: null },
  ]);
});

Deno.test("one agent that a job waits for is told with the end of the wait, and again", async () => {
  const { manager, terminal } = await startQueued([]);
  await terminal.clock.advance(60_000);

  const now = terminal.clock.now();
  const fate = `the command waits for it until ${
    clockTime(Number(manager.createdAtMs) + 3_600_000, now)
  }`;
  const seen = `(last seen ${clockTime(now - 72_000, now)})`;
  assertEquals(terminal.stderr.text.trimEnd().split("\n"), [
    `web-1: away for 12 s ${seen}, ${fate}`,
    `web-1: away for 1 min ${seen}, ${fate}`,
  ]);
});

Deno.test("--json tells that a job waits for its one agent", async () => {
  const { terminal } = await startQueued(["--json"]);
  const since = terminal.clock.now() - 12_000;
  await terminal.clock.advance(60_000);

  assertEquals(jsonLines(terminal.stdout.text), [
    waiting(null, "web-1", "queued", since),
  ]);
});

/** Starts `run` on an agent that has been away for 12 s. */
async function startQueued(flags: readonly string[]) {
  const manager = new FakeManager();
  const entry = without("web-1", EntryState.QUEUED);
  manager.onRun = () => {
    manager.entries = [{
      ...entry,
      unreachableSinceMs: manager.createdAtMs - 12_000n,
    }];
  };
  return await start(
    ["run", "web-1", "--queue", "1h", ...flags, "--", "x"],
    { manager },
  );
}

/** Events about waiting. */
function waitEvents(text: string) {
  return jsonLines(text).filter(({ event }) =>
    event === "waiting" || event === "storage"
  );
}

function waiting(
  id: string | null,
  agent: string,
  reason?: string,
  since?: number,
) {
  return {
    event: "waiting",
    id,
    agent,
    reason: reason ?? null,
    since: since === undefined ? null : isoTime(since),
  };
}
