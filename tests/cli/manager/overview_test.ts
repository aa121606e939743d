import { create } from "@bufbuild/protobuf";
import { assertEquals } from "@std/assert";
import {
  CommandState,
  GetStatusResponseSchema,
} from "../../../proto/gen/piri/control/v1/control_pb.ts";
import { FakeClock } from "../../support/fake_clock.ts";
import { agent, command, FakeManager } from "../fake_manager.ts";
import { jsonLines, see } from "./start.ts";

const DAY_MS = 86_400_000;

/** Time of the fake clock. */
const NOW = new FakeClock().now();

/** Time on a later day, or on an earlier one, in milliseconds since 1970. */
function inDays(days: number): bigint {
  return BigInt(NOW + days * DAY_MS);
}

/** A Manager at the beginning of the fake clock, with trouble of every kind. */
function troubled(): FakeManager {
  const manager = new FakeManager();
  manager.status = create(GetStatusResponseSchema, {
    version: "0.2.0",
    startedAtMs: inDays(-1),
    advertise: "mgr:7051",
    commandsOpen: 3,
    commandsTotal: 41n,
    certificateExpiresAtMs: inDays(10),
    writeFailure: { sinceMs: 0n, lastMs: 0n, reason: "no space is left" },
  });
  manager.agents = [
    agent({ id: "web-1", connected: true, version: "0.2.0" }),
    agent({ id: "web-2", connected: true, version: "0.1.9" }),
    agent({ id: "web-3", sinceMs: inDays(-2) }),
    agent({ id: "web-4", sinceMs: inDays(-2) }),
    agent({ id: "web-5", sinceMs: inDays(0) }),
    agent({ id: "new", joined: false }),
    agent({ id: "gone", retired: true }),
  ];
  manager.commands = [command({
    id: 40n,
    state: CommandState.FAILED,
    exitCode: 3,
    createdAtMs: 0n,
    finishedAtMs: 0n,
  })];
  return manager;
}

Deno.test("piri-manager alone shows the fleet, the last failures and what needs attention", async () => {
  const { code, stdout, manager } = await see([], { manager: troubled() });

  assertEquals(code, 0);
  assertEquals(
    stdout.split("\n").filter((line) => !/since|ends in|40 {2}web/.test(line)),
    [
      "Manager of mgr:7051, version 0.2.0, up for 1 d",
      "Agents: 2 connected, 3 away, 1 not joined, 1 retired",
      "Commands: 3 open, 41 in all",
      "Jobs: 0 open",
      "",
      "Last failures:",
      "",
      "Needs attention:",
      "  away for more than a day: web-[3-4] (2)",
      "  older than the Manager, which is 0.2.0: web-2 (1)",
      "",
      "Next:",
      "  piri-manager show 40 --output",
      "  piri-manager run web-1 -- uname -a",
      "  piri-manager --help",
      "",
    ],
  );
  assertEquals(
    stdout.split("\n").filter((line) => /cannot write|ends in/.test(line))
      .map((line) => line.slice(0, 49)),
    [
      "  the Manager cannot write its database since 197",
      "  the certificate of the Manager ends in 10 d, at",
    ],
  );
  assertEquals(manager.lists[0]?.states.length, 4);
});

Deno.test("piri-manager alone says what to do first in a new folder, and needs no attention", async () => {
  const manager = new FakeManager();
  manager.status = create(GetStatusResponseSchema, {
    version: "0.2.0",
    startedAtMs: inDays(-1),
    advertise: "mgr:7051",
    certificateExpiresAtMs: inDays(100),
  });
  const { stdout } = await see([], { manager });

  assertEquals(stdout.split("\n").slice(1), [
    "Agents: 0 connected, 0 away",
    "Commands: 0 open, 0 in all",
    "Jobs: 0 open",
    "",
    "Next:",
    "  piri-manager agent add NAME",
    "",
  ]);
});

Deno.test("piri-manager --json alone prints one object", async () => {
  const { stdout } = await see(["--json"], { manager: troubled() });

  const [seen] = jsonLines(stdout);
  assertEquals(seen?.["agents"], {
    connected: 2,
    away: 3,
    notJoined: 1,
    retired: 1,
    revoked: 0,
  });
  assertEquals(seen?.["jobsOpen"], []);
});
