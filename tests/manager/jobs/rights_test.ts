import { assert, assertEquals } from "@std/assert";
import type { Access } from "../../../lib/manager/access/access.ts";
import { OLD_HELLO } from "../../support/memory_manager.ts";
import {
  type GivenRule,
  identityOf,
  loggedIn,
} from "../../support/an_operator.ts";
import { JobFleet } from "./job_fleet.ts";

const WEB = ["web-1", "web-2"];
const ONE_BY_ONE = { limits: { batch: { count: 1 } } };

/** Request of an operator who has logged in. */
async function asked(
  { manager }: JobFleet,
  rules: readonly GivenRule[] = [{}],
) {
  const { access } = manager;
  const token = await loggedIn(access, "alice", { rules });
  const rights = identityOf(access, token);
  const by = { requestedBy: "alice", saidBy: "", rights };
  return { by, access, id: rights.tokenId };
}

for (
  const [change, why, act] of [
    [
      "suspended",
      "it is suspended",
      (access: Access) => access.set("alice", { suspended: true }),
    ],
    [
      "removed",
      "there is no such operator",
      (access: Access) => access.remove("alice"),
    ],
    [
      "made a viewer",
      'its role is "viewer" now',
      (access: Access) => access.set("alice", { role: "viewer" }),
    ],
    [
      "denied it by a new rule",
      "rule alice#2 denies it",
      (access: Access) =>
        access.addRule({
          operator: "alice",
          deny: true,
          onTargets: "web-2",
          operations: ["*"],
          argv: [],
          most: 0,
          trustFacts: false,
          approve: 0,
          within: "",
        }),
    ],
    [
      "given a rule with approvals instead",
      "rule alice#2 needs 1 approval by somebody else now, and it has none",
      async (access: Access) => {
        await access.addRule({
          operator: "alice",
          deny: false,
          onTargets: "all",
          operations: ["*"],
          argv: [],
          most: 0,
          trustFacts: false,
          approve: 1,
          within: "",
        });
        await access.removeRule("alice", 1);
      },
    ],
    [
      "left without a rule",
      'no rule of "alice" allows it',
      (access: Access) => access.removeRule("alice", 1),
    ],
    [
      "robbed of the token",
      "token 2 was revoked",
      (access: Access) => access.revoke(2),
    ],
  ] as const
) {
  Deno.test(`an entry that waits is not sent once its operator is ${change}`, async () => {
    await using fleet = await JobFleet.start(WEB);
    const { by, access } = await asked(fleet);
    await fleet.start({ ...ONE_BY_ONE, ...by });
    assertEquals(fleet.started, ["web-1"]);

    await act(access);
    await fleet.finish("web-1");

    assertEquals(fleet.started, ["web-1"]);
    assertEquals(await fleet.entries(), [
      "web-1 succeeded",
      `web-2 refused: not sent: "alice" may no longer do it: ${why}`,
    ]);
    assertEquals(await fleet.state(), "failed");
    const [entry] = await fleet.manager.audit.list({ limit: 1 });
    assertEquals(
      [entry?.act, entry?.who, entry?.target, entry?.decision],
      ["Send", "alice", "web-2", "denied"],
    );
    assert(entry?.outcome.endsWith(why), entry?.outcome);
  });
}

Deno.test("an entry that waits for its agent is not sent when that comes after a revocation", async () => {
  await using fleet = await JobFleet.start(["web-1"]);
  await fleet.manager.knows("web-2");
  const { by, access, id } = await asked(fleet);
  await fleet.start({ limits: { queueMs: 600_000 }, ...by });
  await access.revoke(id);
  await fleet.finish("web-1");
  await fleet.connect("web-2");

  assertEquals(fleet.started, ["web-1"]);
  assertEquals((await fleet.entries())[1]?.startsWith("web-2 refused"), true);
});

Deno.test("an entry that waits is not sent after a restart of the Manager either", async () => {
  await using fleet = await JobFleet.start([]);
  await fleet.manager.knows("web-1");
  const { by, access, id } = await asked(fleet);
  await fleet.start({ limits: { queueMs: 600_000 }, ...by });
  await access.revoke(id);
  await fleet.restart();
  await fleet.connect("web-1");

  assertEquals(fleet.started, []);
  assertEquals(await fleet.entries(), [
    'web-1 refused: not sent: "alice" may no longer do it: token 2 was revoked',
  ]);
});

for (
  const [change, act] of [
    [
      "has logged out",
      (access: Access, id: number) =>
        access.logout(id, { requestedBy: "alice", saidBy: "" }),
    ],
    ["has another rule that allows it", async (access: Access) => {
      await access.addRule({
        operator: "alice",
        deny: false,
        onTargets: "web-*",
        operations: ["echo.*"],
        argv: [],
        most: 0,
        trustFacts: false,
        approve: 0,
        within: "",
      });
      await access.removeRule("alice", 1);
    }],
    ["was suspended for a while", async (access: Access) => {
      await access.set("alice", { suspended: true });
      await access.set("alice", { suspended: false });
    }],
  ] as const
) {
  Deno.test(`an entry that waits is sent although its operator ${change}`, async () => {
    await using fleet = await JobFleet.start(WEB);
    const { by, access, id } = await asked(fleet);
    await fleet.start({ ...ONE_BY_ONE, ...by });
    await act(access, id);
    await fleet.finish("web-1");

    assertEquals(fleet.started, WEB);
  });
}

Deno.test("an entry that waits is sent although the token has expired", async () => {
  await using fleet = await JobFleet.start(WEB);
  const { by } = await asked(fleet);
  await fleet.start({ ...ONE_BY_ONE, ...by });
  await fleet.advance(2 * 86_400_000);
  await fleet.finish("web-1");

  assertEquals(fleet.started, WEB);
});

Deno.test("a job of a user of the Manager's machine is sent, whatever an operator of that name is", async () => {
  await using fleet = await JobFleet.start(WEB);
  const { access } = await asked(fleet, []);
  await fleet.start({ ...ONE_BY_ONE, requestedBy: "alice", saidBy: "" });
  await access.set("alice", { suspended: true });
  await fleet.finish("web-1");

  assertEquals(fleet.started, WEB);
});

Deno.test("a job that a local user repeats no longer depends on the operator who asked first", async () => {
  await using fleet = await JobFleet.start(["web-1"]);
  const { by, access } = await asked(fleet);
  await fleet.start(by);
  await fleet.finish("web-1");
  await access.remove("alice");
  await fleet.jobs.rerun(1n, {
    requestedBy: "local",
    saidBy: "",
    scope: "all",
    on: [],
    requestId: "again",
  });
  await fleet.settle();

  assertEquals(fleet.started, ["web-1", "web-1"]);
});

Deno.test("a queued command of a revoked operator is refused, and its agent gets none", async () => {
  await using fleet = await JobFleet.start([]);
  const { manager } = fleet;
  await manager.knows("web-1");
  const { by, access, id } = await asked(fleet);
  const agent = await manager.hello("web-1", OLD_HELLO);
  await agent.hears("serverHello");
  const { commands: [command] } = await manager.commands.run({
    agents: ["web-1"],
    operation: "echo.Echo",
    params: "{}",
    requestId: "r",
    onDisconnect: "continue",
    ...by,
  });
  assertEquals(command?.state, "queued");
  await access.revoke(id);
  await agent.says("pong", { data: (await agent.hears("ping")).data });
  await manager.clock.settle();

  const { state, errorCode, reason } = await manager.commands.get(1n);
  assertEquals([state, errorCode], ["refused", "DENIED"]);
  assertEquals(
    reason,
    'not sent: "alice" may no longer do it: token 2 was revoked',
  );
  assertEquals(
    agent.heardSoFar().filter(({ case: kind }) => kind === "command"),
    [],
  );
});
