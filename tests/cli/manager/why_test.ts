import { assertEquals } from "@std/assert";
import { CommandState } from "../../../proto/gen/piri/control/v1/control_pb.ts";
import { localTime } from "../../../lib/cli/time.ts";
import { command, FakeManager } from "../fake_manager.ts";
import { jsonLines, see } from "./start.ts";

const NOON = Date.UTC(2026, 0, 1, 12);

/** A Manager with the timeline of command 12. */
function managerWithTimeline(): FakeManager {
  const manager = new FakeManager();
  manager.commands = [
    command({ state: CommandState.LOST, presumed: true, reason: "given up" }),
  ];
  manager.timeline = {
    atMs: BigInt(NOON),
    entries: [
      {
        atMs: BigInt(NOON - 3_200),
        kind: "asked",
        text: "asked for by ann",
        evidence: "database",
      },
      {
        atMs: BigInt(NOON - 200),
        kind: "agent_disconnected",
        text: "the agent is gone:\nreset \x1b[2J",
        evidence: "events",
      },
      {
        kind: "replaceable",
        text: "a result of the agent replaces this",
        evidence: "database",
      },
    ],
  };
  return manager;
}

Deno.test("why prints a line for each known fact, with its time, its age and its source", async () => {
  const { code, stdout } = await see(["why", "12"], {
    manager: managerWithTimeline(),
  });

  assertEquals(code, 0);
  const times = [localTime(NOON - 3_200), localTime(NOON - 200)];
  assertEquals(stdout.split("\n"), [
    "command 12 on web-1, lost, presumably: true",
    "TIME                 AGE         KNOWN BY  WHAT",
    `${times[0]}  3.2 s ago   database  asked for by ann`,
    `${times[1]}  200 ms ago  events    the agent is gone: reset \\x1b[2J`,
    "                     now         database  a result of the agent replaces this",
    "",
  ]);
});

Deno.test("why wraps lines that are longer than the terminal is wide", async () => {
  const { stdout } = await see(["why", "12"], {
    manager: managerWithTimeline(),
    terminals: ["stdout"],
    columns: 74,
  });

  assertEquals(stdout.split("\n").slice(-3), [
    "                     now         database  a result of the agent replaces",
    "                                           this",
    "",
  ]);
});

Deno.test("why --json prints one object: the command, the time, and the known facts", async () => {
  const { stdout } = await see(["why", "12", "--json"], {
    manager: managerWithTimeline(),
  });

  const [value, ...rest] = jsonLines(stdout);
  assertEquals(rest, []);
  assertEquals((value?.["command"] as { id: string }).id, "12");
  assertEquals(value?.["at"], "2026-01-01T12:00:00.000Z");
  const [first, , last] = value?.["timeline"] as unknown[];
  assertEquals([first, last], [{
    at: "2026-01-01T11:59:56.800Z",
    ageMs: 3_200,
    kind: "asked",
    text: "asked for by ann",
    evidence: "database",
  }, {
    at: null,
    ageMs: null,
    kind: "replaceable",
    text: "a result of the agent replaces this",
    evidence: "database",
  }]);
});

Deno.test("why of an unknown command exits 5", async () => {
  const { code, stdout } = await see(["why", "99"]);

  assertEquals([code, stdout], [5, ""]);
});
