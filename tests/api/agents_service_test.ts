import { assertEquals } from "@std/assert";
import {
  CommandState,
  createAgent,
  createListAgentsResponse,
  createResolveTargetsResponse,
  createWriteFailure,
} from "../../proto/gen/piri/control/v1/control_messages.ts";
import { refusal, startControl } from "../support/control.ts";
import { aCommand, anAgent } from "../support/small_manager.ts";

Deno.test("agents are listed with all known facts", async () => {
  await using fleet = await startControl();
  fleet.manager.known.set(
    "web-1",
    anAgent({
      id: "web-1",
      connected: true,
      since: 1_700_000_000_000.5,
      address: "10.0.0.1:4711",
      version: "0.1.0",
      protocol: "2",
      groups: ["web"],
      cidrs: ["10.0.0.0/8"],
      joined: true,
      instance: "0123",
      facts: { os: "linux" },
    }),
  );

  const listed = await fleet.control.agents.listAgents({});

  assertEquals(
    listed,
    createListAgentsResponse({
      agents: [{
        id: "web-1",
        connected: true,
        sinceMs: 1_700_000_000_000n,
        address: "10.0.0.1:4711",
        version: "0.1.0",
        protocol: "2",
        groups: ["web"],
        cidrs: ["10.0.0.0/8"],
        joined: true,
        instance: "0123",
        facts: { os: "linux" },
      }],
    }),
  );
});

Deno.test("an agent that never connected has no time of connection", async () => {
  await using fleet = await startControl();
  fleet.manager.known.set("web-1", anAgent({ id: "web-1" }));

  const { agents } = await fleet.control.agents.listAgents({});

  assertEquals(agents, [createAgent({ id: "web-1" })]);
  assertEquals(agents[0]?.sinceMs, undefined);
});

Deno.test("an agent is added with its groups, networks and the life of its token", async () => {
  await using fleet = await startControl();

  const { token } = await fleet.control.agents.addAgent({
    id: "web-1",
    groups: ["web"],
    cidrs: ["10.0.0.0/8"],
    expiresInMs: 60_000n,
  });

  assertEquals(token, "token of web-1");
  assertEquals(fleet.manager.asked, [
    {
      id: "web-1",
      groups: ["web"],
      cidrs: ["10.0.0.0/8"],
      expiresInMs: 60_000,
    },
  ]);
});

Deno.test("an agent is added with the SHA-256 of its secret, and then there is no token", async () => {
  await using fleet = await startControl();
  const { agents } = fleet.control;
  const secretHash = new Uint8Array(32).fill(7);

  const { token } = await agents.addAgent({ id: "old-1", secretHash });
  const refused = await Promise.all([
    refusal(agents.addAgent({ id: "old-2", secretHash: new Uint8Array(31) })),
    refusal(agents.addAgent({ id: "old-2", secretHash: new Uint8Array() })),
    refusal(agents.addAgent({ id: "old-2", secretHash, expiresInMs: 1n })),
  ]);

  assertEquals(token, "");
  assertEquals(fleet.manager.asked, [
    { id: "old-1", groups: [], cidrs: [], secretHash },
  ]);
  assertEquals(refused.map(({ message }) => message), [
    'Cannot accept "secret_hash": it has 31 bytes, and a SHA-256 has 32',
    'Cannot accept "secret_hash": it has 0 bytes, and a SHA-256 has 32',
    'Cannot accept "expires_in_ms": with a secret_hash there is no token',
  ]);
});

Deno.test("the default life of a token is left to the Manager", async () => {
  await using fleet = await startControl();

  const { token } = await fleet.control.agents.renewToken({ id: "web-1" });

  assertEquals(token, "new token of web-1");
  assertEquals(fleet.manager.asked, [{ id: "web-1", expiresInMs: undefined }]);
});

Deno.test("an agent is removed once", async () => {
  await using fleet = await startControl();
  const { agents } = fleet.control;
  await agents.addAgent({ id: "web-1" });

  fleet.manager.recorded.push(aCommand({ id: 7n, state: "cancelled" }));
  const removed = await agents.removeAgent({
    id: "web-1",
    force: true,
    requestedBy: "ada",
  });
  const again = await refusal(agents.removeAgent({ id: "web-1" }));

  assertEquals((await agents.listAgents({})).agents, []);
  assertEquals(again.piri, "NOT_FOUND");
  assertEquals(
    [removed.told, removed.commands.map(({ id, state }) => [id, state])],
    [true, [[7n, CommandState.CANCELLED]]],
  );
  assertEquals(fleet.manager.asked.slice(1), [
    {
      id: "web-1",
      force: true,
      asker: { requestedBy: "owner", saidBy: "ada" },
    },
    { id: "web-1", force: false, asker: { requestedBy: "owner", saidBy: "" } },
  ]);
});

Deno.test("an agent is renamed by the asker, and the answer tells if it is connected", async () => {
  await using fleet = await startControl();
  const { agents } = fleet.control;
  await agents.addAgent({ id: "web-1" });
  const renamed = await agents.renameAgent({
    id: "web-1",
    newId: "shop-1",
    requestedBy: "ada",
  });

  assertEquals(renamed.told, true);
  assertEquals(fleet.manager.asked.slice(1), [{
    rename: "web-1",
    newId: "shop-1",
    asker: { requestedBy: "owner", saidBy: "ada" },
  }]);
});

Deno.test("a Manager that cannot write its database says so with its agents", async () => {
  await using fleet = await startControl();
  const { agents, status } = fleet.control;
  const well = await agents.listAgents({});
  fleet.manager.writeFailure = { since: 1.5, lastAt: 2, reason: "full" };
  const ill = [await agents.listAgents({}), await status.getStatus({})];

  assertEquals(well.writeFailure, undefined);
  for (const { writeFailure } of ill) {
    assertEquals(
      writeFailure,
      createWriteFailure({ sinceMs: 1n, lastMs: 2n, reason: "full" }),
    );
  }
});

Deno.test("an agent without a name is refused before the Manager is asked", async () => {
  await using fleet = await startControl();
  const { agents } = fleet.control;

  const refused = await Promise.all([
    refusal(agents.addAgent({})),
    refusal(agents.renewToken({})),
    refusal(agents.removeAgent({})),
    refusal(agents.renameAgent({ newId: "shop-1" })),
    refusal(agents.renameAgent({ id: "web-1" })),
  ]);

  assertEquals(refused.map(({ piri }) => piri), [
    ...Array(5).fill("INVALID_ARGUMENT"),
  ]);
  assertEquals(fleet.manager.asked, []);
});

Deno.test("agents are set by expressions, and a retirement that is absent stays absent", async () => {
  await using fleet = await startControl();

  const answer = await fleet.control.agents.setAgents({
    targets: ["web-*"],
    addGroups: ["web"],
    setFacts: { role: "db" },
  });

  assertEquals([answer.names, answer.changed], [["web-1", "web-2"], ["web-2"]]);
  const { asker: _, ...asked } = fleet.manager.asked[0] as Record<
    string,
    unknown
  >;
  assertEquals(asked, {
    expressions: ["web-*"],
    addGroups: ["web"],
    removeGroups: [],
    setFacts: { role: "db" },
    removeFacts: [],
    retired: undefined,
  });
  assertEquals(
    (await refusal(fleet.control.agents.setAgents({}))).piri,
    "INVALID_ARGUMENT",
  );
});

Deno.test("targets are resolved with all that was left out and not found", async () => {
  await using fleet = await startControl();
  fleet.manager.resolved = {
    agents: [
      { name: "web-1", connected: true, instance: "i", groups: ["web"] },
      { name: "web-2", connected: false, instance: "", groups: [] },
    ],
    leftOut: { retired: 1, notJoined: 2, awayNotAsked: 3 },
    notSampled: 4,
    missing: [{ name: "wbe-1", nearest: "web-1", reason: undefined }],
    lacking: [{ fact: "cpus", count: 5 }],
    unmatched: ["x*"],
    gone: ["old-1"],
    seed: 7,
  };

  const answer = await fleet.control.agents.resolveTargets({
    selection: {
      expressions: ["web-*"],
      exclude: ["web-3"],
      limit: { case: "limitPercent", value: 10 },
    },
  });

  assertEquals(
    answer,
    createResolveTargetsResponse({
      targets: [
        { name: "web-1", connected: true, groups: ["web"] },
        { name: "web-2" },
      ],
      missing: [{ name: "wbe-1", nearest: "web-1" }],
      lacking: [{ fact: "cpus", agents: 5 }],
      unmatched: ["x*"],
      gone: ["old-1"],
      leftOut: { retired: 1, notJoined: 2, away: 3, notSampled: 4 },
      seed: 7,
    }),
  );
  assertEquals(fleet.manager.asked, [{
    expressions: ["web-*"],
    exclude: ["web-3"],
    connectedOnly: false,
    allowMissing: false,
    limit: { percent: 10 },
    seed: undefined,
  }]);
});

Deno.test("a selection without expressions or with a senseless limit is refused", async () => {
  await using fleet = await startControl();
  const expressions = ["all"];

  for (
    const selection of [
      undefined,
      {},
      { expressions, limit: { case: "limitCount", value: 0 } as const },
      { expressions, limit: { case: "limitPercent", value: 101 } as const },
      { expressions, limit: { case: "limitPercent", value: NaN } as const },
    ]
  ) {
    const asked = fleet.control.agents.resolveTargets(
      selection === undefined ? {} : { selection },
    );
    assertEquals((await refusal(asked)).piri, "INVALID_ARGUMENT");
  }
});

Deno.test("agents are pinged with a selection and a limit of time", async () => {
  await using fleet = await startControl();
  fleet.manager.pinged = [{
    name: "web-1",
    connected: true,
    roundTripMs: 1.5,
    version: "0.1.0",
    since: 1_700_000_000_000,
    address: "10.0.0.1:4711",
  }, {
    name: "web-2",
    connected: false,
    roundTripMs: undefined,
    version: "",
    since: undefined,
    address: "",
  }];

  const selection = { expressions: ["all"] };
  const { agents } = await fleet.control.agents.pingAgents({ selection });
  const tooLong = await refusal(
    fleet.control.agents.pingAgents({ selection, timeoutMs: 60_001 }),
  );

  assertEquals(
    agents.map(({ name, roundTripMs, sinceMs }) => [
      name,
      roundTripMs,
      sinceMs,
    ]),
    [["web-1", 1.5, 1_700_000_000_000n], ["web-2", undefined, undefined]],
  );
  assertEquals(
    fleet.manager.asked.map((asked) => Reflect.get(Object(asked), "timeoutMs")),
    [5_000],
  );
  assertEquals(tooLong.piri, "INVALID_ARGUMENT");
});

Deno.test("names are listed by their beginning", async () => {
  await using fleet = await startControl();

  const { agents, groups, facts } = await fleet.control.agents.listNames({
    prefix: "w",
    agents: true,
  });

  assertEquals([agents, groups, facts], [["web-1"], ["web"], ["os"]]);
  assertEquals(fleet.manager.asked.length, 1);
});
