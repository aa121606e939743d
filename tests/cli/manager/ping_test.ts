import { assertEquals } from "@std/assert";
import { CommandState } from "../../../proto/gen/piri/control/v1/control_pb.ts";
import { differenceOf } from "../../../lib/cli/manager/compare_clocks.ts";
import { command, FakeManager } from "../fake_manager.ts";
import { jsonLines, see, start } from "./start.ts";

const SINCE = BigInt(Date.UTC(2026, 0, 1));

/** A fleet of which web-2 is silent, and web-3 and web-4 are away. */
function fleet(): FakeManager {
  const manager = new FakeManager();
  manager.pinged = {
    agents: [
      {
        name: "web-1",
        connected: true,
        roundTripMs: 1.234,
        version: "0.1.0",
        sinceMs: SINCE,
        address: "10.0.0.1:4711",
      },
      { name: "web-2", connected: true, version: "0.1.0", sinceMs: SINCE },
      { name: "web-3", connected: false },
      { name: "web-4", connected: false },
    ],
    resolved: { missing: [{ name: "web-9" }], leftOut: { retired: 2 } },
  };
  return manager;
}

Deno.test("ping lists the round trips, names who did not answer, and exits 3", async () => {
  const { code, stdout, stderr, manager } = await see(
    ["ping", "web-*", "db-1", "--exclude", "@old", "--timeout", "2s"],
    { manager: fleet() },
  );

  assertEquals(code, 3);
  assertEquals(
    stdout.split("\n").map((line) => line.split(/ {2,}/).slice(0, 2)),
    [
      ["NAME", "ROUND TRIP"],
      ["web-1", "1.2 ms"],
      ["web-2", "no answer"],
      ["web-3", "away"],
      ["web-4", "away"],
      [""],
    ],
  );
  assertEquals(
    stderr,
    "1 of 4 answered; away: web-[3-4]; no answer in time: web-2\n" +
      "not enrolled: web-9\nleft out as retired: 2 agents\n",
  );
  const [request] = manager.pings;
  assertEquals(request?.selection?.expressions, ["web-*", "db-1"]);
  assertEquals(request?.selection?.exclude, ["@old"]);
  assertEquals(request?.timeoutMs, 2_000);
  assertEquals(manager.plainRuns, []);
});

Deno.test("ping exits 0 if all have answered, and prints JSON", async () => {
  const manager = new FakeManager();
  manager.pinged = {
    agents: [{ name: "web-1", connected: true, roundTripMs: 12.5 }],
  };
  const { code, stdout, stderr } = await see(["ping", "web-1", "--json"], {
    manager,
  });

  assertEquals([code, stderr], [0, ""]);
  assertEquals(jsonLines(stdout), [{
    id: "web-1",
    state: "connected",
    roundTripMs: 12.5,
    clockDifferenceMs: null,
    clockUncertaintyMs: null,
    version: null,
    since: null,
    address: null,
  }]);
});

Deno.test("ping --clock runs an echo on those who answered, and tells how far a clock is ahead", async () => {
  const manager = fleet();
  manager.commands = [command({ id: 5n })];
  const { code, terminal } = await start(["ping", "all", "--clock"], {
    manager,
  });
  manager.watch.state(command({
    id: 5n,
    state: CommandState.SUCCEEDED,
    sentAtMs: 1_000n,
    agentStartedAtMs: 6_010n,
    agentFinishedAtMs: 6_012n,
    finishedAtMs: 1_022n,
  })).end();

  assertEquals(await code, 3);
  assertEquals(manager.plainRuns[0]?.agents, ["web-1"]);
  assertEquals(manager.plainRuns[0]?.operation, "echo.Echo");
  assertEquals(
    terminal.stdout.text.split("\n").slice(0, 3)
      .map((line) => line.split(/ {2,}/)[2]),
    ["CLOCK", "5 s ahead ± 10 ms", "not known"],
  );
});

Deno.test("the difference of clocks is bounded by the command's way there and back", () => {
  assertEquals(
    differenceOf(command({
      sentAtMs: 1_000n,
      agentStartedAtMs: 400n,
      agentFinishedAtMs: 410n,
      finishedAtMs: 1_030n,
    })),
    { differenceMs: -610, uncertaintyMs: 10 },
  );
  assertEquals(differenceOf(command({ sentAtMs: 1n })), undefined);
});
