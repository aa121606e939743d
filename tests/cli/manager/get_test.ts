import { assertEquals, assertMatch } from "@std/assert";
import { command, FakeManager } from "../fake_manager.ts";
import { jsonLines, see, start, type Started } from "./start.ts";

const ONE = command({ operation: "file.List" });
const TWO = command({ id: 13n, agent: "web-2", operation: "file.List" });

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

for (
  const sources of [
    ["web-1:/a/app.log", "web-2:/b/app.log"],
    ["web-1:/a/tree", "web-1:/b/tree/"],
    ["web-*:/a/app.log", "web-*:/b/app.log"],
  ]
) {
  Deno.test(`get ${sources.join(" ")} is refused: the second would replace the first`, async () => {
    const { manager, code, stderr } = await see(["get", ...sources, "here/"]);

    assertEquals(code, 2);
    assertMatch(
      stderr,
      /^error: Cannot get: two of the sources are named "(app.log|tree)"/,
    );
    assertEquals(manager.runs, []);
  });
}
