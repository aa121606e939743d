import { assertEquals, assertRejects } from "@std/assert";
import { PiriError } from "../../../lib/base/errors.ts";
import { Bye_Code } from "../../../proto/gen/piri/agent/v1/agent_messages.ts";
import { MANAGER_PROOF, proves, testKey } from "../../support/keys.ts";
import { MemoryManager } from "../../support/memory_manager.ts";
import { JobFleet } from "../jobs/job_fleet.ts";

Deno.test("a revoked agent is cut off at once, and its open commands are lost", async () => {
  await using fleet = await JobFleet.start(["web-1", "web-2"]);
  const { id } = await fleet.manager.run("web-1");
  await fleet.settle();
  const peer = fleet.peer("web-1");
  peer.heardSoFar();

  const { commands, told } = await fleet.manager.agents.revoke("web-1");

  assertEquals(told, true);
  assertEquals(
    commands.map((command) => [command.id, command.state]),
    [[id, "lost"]],
  );
  const bye = await peer.hears("bye");
  assertEquals([bye.code, bye.reason], [Bye_Code.AUTH_FAILED, "auth failed"]);
  assertEquals(fleet.manager.fleet.session("web-1"), undefined);
});

Deno.test("the key and the secret of a revoked agent let nobody in again", async () => {
  await using core = await MemoryManager.start({ proof: MANAGER_PROOF });
  await core.knows("web-1");
  const first = await proves(core, "web-1");
  await first.peer.hears("serverHello");
  await core.agents.revoke("web-1");

  const { peer } = await proves(core, "web-1", { hello: { auth: "" } });
  const bySecret = await core.hello("web-1");

  assertEquals((await peer.hears("bye")).reason, "auth failed");
  assertEquals((await bySecret.hears("bye")).reason, "auth failed");
});

Deno.test("a revoked agent is no target, gets no token, and is revoked once", async () => {
  await using fleet = await JobFleet.start(["web-1", "web-2"]);
  const { agents } = fleet.manager;
  await agents.revoke("web-1");

  const { agents: meant } = await agents.resolve({
    expressions: ["all"],
  });
  assertEquals(meant.map(({ name }) => name), ["web-2"]);
  await assertRejects(
    () => fleet.manager.run("web-1"),
    PiriError,
    "it is not connected",
  );
  await assertRejects(() => agents.renewToken("web-1"), PiriError, "revoked");
  await assertRejects(() => agents.revoke("web-1"), PiriError, "it is revoked");
});

Deno.test("the key of a revoked agent stays blocked after its name is free", async () => {
  await using core = await MemoryManager.start({ proof: MANAGER_PROOF });
  await core.knows("web-1");
  const first = await proves(core, "web-1");
  await first.peer.hears("serverHello");
  await core.agents.revoke("web-1");
  await core.agents.remove("web-1");
  await core.agents.add({ id: "web-1", groups: [], cidrs: [] });
  const { tokens } = await core.store.changeEnrolment({
    kind: "addToken",
    token: {
      hash: new Uint8Array(32),
      uses: 1,
      groups: [],
      name: "web-*",
      cidrs: [],
      approve: false,
      createdBy: "",
      createdAt: 0,
      expiresAt: Number.MAX_SAFE_INTEGER,
    },
  });
  assertEquals(tokens.length, 1);

  await assertRejects(
    () =>
      core.store.joinAgent({
        name: "web-2",
        tokenHash: new Uint8Array(32),
        publicKey: testKey(2).publicKey,
        secretHash: new Uint8Array(32),
        address: "",
        version: "",
        facts: {},
        at: 1,
      }),
    PiriError,
    "the key of this host was revoked",
  );
});

Deno.test("one of 1,000 agents is revoked, and the other 999 see nothing of it", async () => {
  const names = Array.from({ length: 1_000 }, (_, i) => `web-${i + 1}`);
  await using fleet = await JobFleet.start(names);
  await fleet.manager.commands.run({
    agents: names,
    operation: "echo.Echo",
    params: "{}",
    requestId: "r",
    onDisconnect: "continue",
    requestedBy: "test",
  });
  await fleet.settle();
  for (const name of names) fleet.peer(name).heardSoFar();

  await fleet.manager.agents.revoke("web-500");
  await fleet.manager.clock.settle();

  const heard = names.filter((name) =>
    fleet.peer(name).kindsSoFar().length > 0
  );
  assertEquals(heard, ["web-500"]);
  assertEquals(fleet.manager.fleet.size, 999);
  const lost = await fleet.manager.store.commands({
    states: ["lost"],
    limit: 10,
  });
  assertEquals(lost.map(({ agent }) => agent), ["web-500"]);
});
