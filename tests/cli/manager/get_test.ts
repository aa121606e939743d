import { assertEquals, assertMatch } from "@std/assert";
import { CommandState } from "../../../proto/gen/piri/control/v1/control_pb.ts";
import { command, FakeManager } from "../fake_manager.ts";
import type { Watch } from "../fake_watch.ts";
import { jsonLines, see, start, type Started } from "./start.ts";

const ONE = command({ operation: "file.List", timeoutMs: 10_000 });
const TWO = command({
  id: 13n,
  agent: "web-2",
  operation: "file.List",
  timeoutMs: 10_000,
});

/** Starts to get files from agents that do not answer. */
async function startGet(
  { manager = new FakeManager(), flags = [] }: {
    manager?: FakeManager;
    flags?: readonly string[];
  } = {},
): Promise<Started> {
  manager.commands = [ONE, TWO];
  manager.targets = {
    targets: manager.commands.map(({ agent }) => ({
      name: agent,
      connected: true,
    })),
  };
  return await start(["get", "web-*:/srv/site", "here", ...flags], { manager });
}

const STOPPED =
  "what came is kept, and the same command gets the rest; commands 12 13: ";

for (
  const [signal, cause] of [
    ["SIGINT", ""],
    ["SIGTERM", " by SIGTERM"],
    ["SIGHUP", " by SIGHUP"],
  ] as const
) {
  Deno.test(`get that ${signal} ends cancels its commands on the hosts, and says what became of them`, async () => {
    const { manager, terminal, code } = await startGet();
    await terminal.signal(signal);
    const exit = await code;

    assertEquals(exit, 7);
    assertEquals(manager.cancels.map(({ commandId }) => commandId), [12n, 13n]);
    assertEquals(
      terminal.stderr.text,
      `error: Stopped getting files${cause}: ${STOPPED}cancel requested\n`,
    );
  });

  Deno.test(`get that ${signal} ends before the Manager has answered cancels what it has started`, async () => {
    const manager = new FakeManager();
    const answer = Promise.withResolvers<void>();
    manager.onPlainRun = () => answer.promise;
    const { terminal, code } = await startGet({ manager });
    await terminal.signal(signal);
    const early = manager.cancels.length;
    answer.resolve();

    assertEquals(await code, 7);
    assertEquals(early, 0);
    assertEquals(manager.cancels.map(({ commandId }) => commandId), [12n, 13n]);
  });
}

Deno.test("get leaves with 130 at a second signal if the Manager does not take the cancel", async () => {
  const manager = new FakeManager();
  manager.onCancel = () => new Promise(() => {});
  const { terminal, code } = await startGet({ manager });
  await terminal.signal("SIGHUP");
  await terminal.signal("SIGHUP");
  const early = terminal.stderr.text;
  await terminal.signal("SIGTERM");

  assertEquals([early, await code], ["", 130]);
  assertMatch(terminal.stderr.text, /: cancel not confirmed\n$/);
});

Deno.test("get --json that a signal ends prints one error object", async () => {
  const { terminal, code } = await startGet({ flags: ["--json"] });
  await terminal.signal("SIGTERM");

  assertEquals(await code, 7);
  assertEquals(jsonLines(terminal.stderr.text), [{
    error: {
      code: "CANCELLED",
      message: `Stopped getting files by SIGTERM: ${STOPPED}cancel requested`,
    },
  }]);
});

/** A Manager that knows which agents these expressions mean, all connected but `away-1`. */
function managerOf(agents: Readonly<Record<string, readonly string[]>>) {
  const manager = new FakeManager();
  for (const [expression, names] of Object.entries(agents)) {
    const targets = names.map((name) => ({
      name,
      connected: name !== "away-1",
    }));
    manager.targetsOf.set(expression, { targets });
  }
  return manager;
}

const AGENTS = {
  "web-1": ["web-1"],
  "web-2": ["web-2"],
  "web-*": ["web-1", "web-2"],
  "@web": ["web-2", "away-1"],
  "@old": ["away-1"],
  "db-*": ["db-1"],
};

const REPLACES =
  ", and the second would replace the first; get them into two folders\n";

for (
  const [sources, reason] of [
    [
      ["web-1:/a/app.log", "web-2:/b/app.log"],
      `"web-1:/a/app.log" and "web-2:/b/app.log" are two sources named "app.log"${REPLACES}`,
    ],
    [
      ["web-1:/a/tree", "web-1:/b/tree/"],
      `"web-1:/a/tree" and "web-1:/b/tree/" are two sources named "tree"${REPLACES}`,
    ],
    [
      ["web-*:/a/app.log", "web-*:/b/app.log"],
      `"web-*:/a/app.log" and "web-*:/b/app.log" are two sources named "app.log" of web-1${REPLACES}`,
    ],
    [
      ["web-*:/a/x", "db-*:/b/x", "@web:/b/x"],
      `"web-*:/a/x" and "@web:/b/x" are two sources named "x" of web-2${REPLACES}`,
    ],
    [
      ["@web:/a/x", "@old:C:\\b\\x"],
      `"@web:/a/x" and "@old:C:\\b\\x" are two sources named "x" of away-1${REPLACES}`,
    ],
    [
      ["web-1:/a/db-1", "db-*:/x"],
      '"db-*:/x" has the folder "db-1" for the agent db-1, and "web-1:/a/db-1" would be written there, too; get them into two folders\n',
    ],
  ] as const
) {
  Deno.test(`get ${sources.join(" ")} is refused before anything is read`, async () => {
    const manager = managerOf(AGENTS);
    const { code, stderr } = await see(["get", ...sources, "here/"], {
      manager,
    });

    assertEquals([code, stderr], [2, `error: Cannot get: ${reason}`]);
    assertEquals(manager.plainRuns, []);
  });
}

Deno.test("get takes two sources of one name from agents that differ, each into its own folder", async () => {
  const manager = managerOf(AGENTS);
  manager.commands = [ONE];
  const args = ["get", "web-*:/a/x", "db-*:/b/x", "web-1:/c/x", "here"];
  const { terminal, code } = await start(args, { manager });
  await terminal.signal("SIGTERM");

  assertEquals(await code, 7);
  assertEquals(manager.plainRuns.length, 1);
});

Deno.test("get tells on stderr why an agent does not go on, and when it does again", async () => {
  const { manager, terminal, code } = await startGet();
  const [one, two] = [watchOf(manager, 12n), watchOf(manager, 13n)];
  const since = BigInt(terminal.clock.now() - 12_000);
  one.state({ ...ONE, state: CommandState.RUNNING });
  two.state({
    ...TWO,
    state: CommandState.RUNNING,
    unreachableSinceMs: since,
  });
  await terminal.clock.settle();
  const waiting = terminal.stderr.text;
  two.state({ ...TWO, state: CommandState.RUNNING });
  await terminal.clock.advance(1_000);
  const back = terminal.stderr.text.slice(waiting.length);
  await terminal.signal("SIGINT");

  assertMatch(
    waiting,
    /^web-2: away for 12 s \(last seen .*\), the command goes on there\n$/,
  );
  assertMatch(back, /^web-2: back after 1[23] s\n$/);
  assertEquals(await code, 7);
});

Deno.test("get --timeout is a limit for the agents, and ends the wait for one that stays away", async () => {
  const flags = ["--timeout", "10s"];
  const { manager, terminal, code } = await startGet({ flags });
  const away = { state: CommandState.RUNNING, timeoutMs: 10_000 };
  watchOf(manager, 12n).state({
    ...ONE,
    ...away,
    unreachableSinceMs: BigInt(terminal.clock.now()),
  });
  watchOf(manager, 13n)
    .state({ ...TWO, ...away, state: CommandState.TIMED_OUT }).end();
  await terminal.clock.advance(29_000);
  const early = terminal.stderr.text;
  await terminal.clock.advance(1_000);

  assertEquals(manager.plainRuns.map(({ timeoutMs }) => timeoutMs), [10_000]);
  assertMatch(early, /web-2: Cannot read: command 13 is timed out\n$/);
  assertEquals(await code, 6);
  assertMatch(
    terminal.stderr.text.slice(early.length),
    /^web-1: Cannot wait longer for command 12 on "web-1" \(away since .*\): no result has come within 30 s\n$/,
  );
});

Deno.test("get gives the exit code that any work on several agents gives: a timeout before a cancel", async () => {
  const { manager, code } = await startGet();
  watchOf(manager, 12n)
    .state({ ...ONE, state: CommandState.CANCELLED }).end();
  watchOf(manager, 13n)
    .state({ ...TWO, state: CommandState.TIMED_OUT }).end();

  assertEquals(await code, 6);
});

/** Watch of one command. */
function watchOf(manager: FakeManager, id: bigint): Watch {
  const found = manager.watches.find(({ request }) =>
    request.commands.some(({ commandId }) => commandId === id)
  );
  if (found === undefined) throw new Error(`nobody watches ${id}`);
  return found;
}
