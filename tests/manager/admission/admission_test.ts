import { assertEquals, assertMatch } from "@std/assert";
import { PiriError } from "../../../lib/base/errors.ts";
import { parseJoinToken } from "../../../lib/base/join_token.ts";
import { hashSecret } from "../../../lib/base/secret.ts";
import { Bye_Code } from "../../../proto/gen/piri/agent/v1/agent_messages.ts";
import {
  INSTANCE,
  MemoryManager,
  OLD_HELLO,
  OTHER_INSTANCE,
} from "../../support/memory_manager.ts";
import { body, type Init, ScriptedPeer } from "../../support/scripted_peer.ts";

const { AUTH_FAILED, BUSY, PROTOCOL_ERROR, REPLACED, STALE } = Bye_Code;

/** Bye for an agent that was removed. */
const TOLD = {
  code: Bye_Code.REMOVED,
  reason: "this agent was removed from the fleet",
  retryAfterMs: 300_000,
};

/** Reads the Bye that a refused peer gets, and the end of its connection. */
async function turnedAway(
  peer: ScriptedPeer,
  { hangsUp = false } = {},
): Promise<{ code: Bye_Code; reason: string; retryAfterMs?: number }> {
  const { code, reason, retryAfterMs } = await peer.hears("bye");
  const leave = hangsUp ? () => peer.hangUp() : () => {};
  leave();
  await peer.hearsTheEnd();
  return {
    code,
    reason,
    ...retryAfterMs === undefined ? {} : { retryAfterMs },
  };
}

/** Adds web-1, which may join with the token "token" for 1 s. */
async function invited(
  core: MemoryManager,
  cidrs: string[] = [],
): Promise<void> {
  await core.store.addAgent({
    id: "web-1",
    groups: [],
    cidrs,
    tokenHash: hashSecret("token"),
    tokenExpiresAt: core.clock.now() + 1_000,
    addedAt: core.clock.now(),
  });
}

Deno.test("an agent with the right secret gets a ServerHello and is in the fleet", async () => {
  await using core = await MemoryManager.start();
  await core.knows("web-1");
  const agent = await core.hello("web-1", { features: ["output", "chunks"] });
  const hello = await agent.hears("serverHello");
  assertEquals(hello.version, 1);
  assertEquals(hello.features, ["output", "chunks"]);
  assertEquals(hello.managerId, core.store.managerId);
  assertEquals(hello.pingIntervalMs, 15_000);
  assertEquals(core.fleet.session("web-1")?.address, "10.1.2.3:5000");
  assertEquals(await core.eventKinds(), ["agent_connected"]);
});

Deno.test("a feature is not granted without the one that it depends on", async () => {
  await using core = await MemoryManager.start();
  await core.knows("web-1");
  const agent = await core.hello("web-1", { features: ["ack", "resume"] });
  assertEquals((await agent.hears("serverHello")).features, []);
});

Deno.test("a wrong secret is turned away, and operators see it", async () => {
  await using core = await MemoryManager.start();
  await core.knows("web-1");
  const agent = await core.hello("web-1", { auth: "guess" });
  assertEquals(await turnedAway(agent), {
    code: AUTH_FAILED,
    reason: "auth failed",
  });
  assertEquals(await core.eventKinds(), ["agent_refused"]);
  assertEquals(core.counters.all()["auth_failures"], 1n);
  assertEquals(core.fleet.size, 0);
});

Deno.test("an unknown name is turned away like a wrong secret", async () => {
  await using core = await MemoryManager.start();
  const agent = await core.hello("web-1");
  assertEquals(await turnedAway(agent), {
    code: AUTH_FAILED,
    reason: "auth failed",
  });
});

Deno.test("operators see why an agent was turned away, and the agent hears the same of all", async () => {
  await using core = await MemoryManager.start();
  await core.knows("web-1");
  await core.agents.addWithSecret({
    id: "web-2",
    groups: [],
    cidrs: [],
    secretHash: new Uint8Array(32),
  });
  await core.agents.add({ id: "web-3", groups: [], cidrs: [] });
  const old = { protocol: 0, features: [], instance: "", session: 0n };
  const reasons = [
    ["web-1", { auth: "guess" }, "its secret is wrong"],
    ["web-2", {}, "its secret is wrong"],
    [
      "web-3",
      {},
      'it has not joined yet, and sent no join token; make a new one by "piri-manager agent token web-3"',
    ],
    [
      "web-4",
      {},
      'there is no agent of that name; add it by "piri-manager agent add web-4"',
    ],
    [
      "web-5",
      { joinToken: "token" },
      'there is no agent of that name; add it by "piri-manager agent add web-5"',
    ],
    [
      "old-1",
      old,
      'there is no agent of that name; add it by "piri-manager agent add old-1 --secret-file FILE"',
    ],
  ] as const;
  for (const [name, init, why] of reasons) {
    const { code, reason } = await turnedAway(await core.hello(name, init));
    assertEquals([code, reason], [AUTH_FAILED, "auth failed"]);
    // The events of one minute and address are one: another minute begins.
    await core.clock.advance(61_000);
    const [event] = (await core.seen({ agents: [name] })).slice(-1);
    assertEquals(
      event,
      `agent_refused: "${name}" was turned away from 10.1.2.3:5000: ${why}`,
    );
  }
});

Deno.test("an agent that has not joined is turned away without a token", async () => {
  await using core = await MemoryManager.start();
  await invited(core);
  const agent = await core.hello("web-1");
  assertEquals((await turnedAway(agent)).code, AUTH_FAILED);
});

Deno.test("an agent may connect only from its networks", async () => {
  await using core = await MemoryManager.start({ peer: "10.9.0.1:4000" });
  await core.knows("web-1", { cidrs: ["10.8.0.0/16"] });
  await core.knows("web-2", { cidrs: ["10.8.0.0/16", "10.9.0.0/24"] });
  const refused = await core.hello("web-1");
  assertEquals((await turnedAway(refused)).code, AUTH_FAILED);
  await core.admitted("web-2");
});

Deno.test("a token enrols the secret that came with it", async () => {
  await using core = await MemoryManager.start();
  await invited(core);
  await core.admitted("web-1", { joinToken: "token" });
  await core.admitted("web-1");
  const kinds = await core.eventKinds();
  assertEquals(kinds.filter((kind) => kind === "agent_joined").length, 1);
});

Deno.test("the same name, token and secret succeed again, even after the token has expired", async () => {
  await using core = await MemoryManager.start();
  await invited(core);
  await core.admitted("web-1", { joinToken: "token" });
  await core.clock.advance(2_000);
  await core.admitted("web-1", { joinToken: "token" });
  const kinds = await core.eventKinds();
  assertEquals(kinds.filter((kind) => kind === "agent_joined").length, 1);
});

Deno.test("an agent that only joins is reported as joined, not as connected and disconnected", async () => {
  await using core = await MemoryManager.start();
  await invited(core);
  const agent = await core.admitted("web-1", { joinToken: "token" });
  await agent.says("bye", { code: Bye_Code.JOINED, reason: "it has joined" });
  await core.ends[0];
  assertEquals(core.fleet.size, 0);
  assertEquals(await core.eventKinds(), ["agent_joined"]);
  const record = await core.store.agent("web-1");
  assertEquals(record?.disconnectedAt, core.clock.now());
});

Deno.test("an agent from before the code JOINED is reported as joined by its reason", async () => {
  await using core = await MemoryManager.start();
  await invited(core);
  const agent = await core.admitted("web-1", { joinToken: "token" });
  await agent.says("bye", { code: Bye_Code.SHUTDOWN, reason: "joined" });
  await core.ends[0];
  assertEquals(await core.eventKinds(), ["agent_joined"]);
});

Deno.test("an agent that joins and stays is reported when it disconnects", async () => {
  await using core = await MemoryManager.start();
  await invited(core);
  const agent = await core.admitted("web-1", { joinToken: "token" });
  await agent.says("bye", { reason: "maintenance" });
  await core.ends[0];
  assertEquals(await core.eventKinds(), ["agent_joined", "agent_disconnected"]);
});

Deno.test("a used token does not enrol another secret", async () => {
  await using core = await MemoryManager.start();
  await invited(core);
  await core.admitted("web-1", { joinToken: "token" });
  const thief = await core.hello("web-1", { joinToken: "token", auth: "mine" });
  assertEquals((await turnedAway(thief)).code, AUTH_FAILED);
  assertEquals(core.fleet.size, 1);
});

Deno.test("an expired token enrols no agent", async () => {
  await using core = await MemoryManager.start();
  await invited(core);
  await core.clock.advance(1_001);
  const agent = await core.hello("web-1", { joinToken: "token" });
  assertEquals((await turnedAway(agent)).code, AUTH_FAILED);
});

Deno.test("a token does not enrol another name", async () => {
  await using core = await MemoryManager.start();
  await invited(core);
  const agent = await core.hello("web-2", { joinToken: "token" });
  assertEquals((await turnedAway(agent)).code, AUTH_FAILED);
});

Deno.test("a token from a wrong network is not used up", async () => {
  await using core = await MemoryManager.start({ peer: "10.9.0.1:4000" });
  await invited(core, ["10.8.0.0/16"]);
  const agent = await core.hello("web-1", { joinToken: "token" });
  assertEquals((await turnedAway(agent)).code, AUTH_FAILED);
  assertEquals((await core.store.agent("web-1"))?.tokenUsedWith, null);
});

Deno.test("an instance is admitted only with a session above its highest one", async () => {
  await using core = await MemoryManager.start();
  await core.knows("web-1");
  await core.admitted("web-1", { session: 7n });
  const same = await core.hello("web-1", { session: 7n });
  assertEquals((await turnedAway(same)).code, STALE);
  const older = await core.hello("web-1", { session: 6n });
  assertEquals((await turnedAway(older)).code, STALE);
  await core.admitted("web-1", { session: 8n });
});

Deno.test("another instance starts its sessions anew, and operators see the change", async () => {
  await using core = await MemoryManager.start();
  await core.knows("web-1");
  await core.admitted("web-1", { session: 7n });
  assertEquals((await core.eventKinds()).includes("agent_instance"), false);
  await core.admitted("web-1", { session: 1n, instance: OTHER_INSTANCE });
  assertEquals((await core.eventKinds()).includes("agent_instance"), true);
});

Deno.test("a stale session is refused even after its connection has ended", async () => {
  await using core = await MemoryManager.start();
  await core.knows("web-1");
  await (await core.admitted("web-1", { session: 7n })).says("bye");
  await core.ends[0];
  const again = await core.hello("web-1", { session: 7n });
  assertEquals((await turnedAway(again)).code, STALE);
});

Deno.test("an admitted connection replaces the older one, which gets a Bye", async () => {
  await using core = await MemoryManager.start();
  await core.knows("web-1");
  const first = await core.admitted("web-1");
  const second = await core.admitted("web-1");
  const bye = await first.hears("bye");
  assertEquals(bye.code, REPLACED);
  assertEquals(core.fleet.session("web-1"), core.sessions[1]?.agent);
  first.hangUp();
  await core.ends[0];
  assertEquals(core.fleet.session("web-1"), core.sessions[1]?.agent);
  await second.says("ping", { data: 3 });
  assertEquals((await second.hears("pong")).data, 3);
  const kinds = await core.eventKinds();
  assertEquals(kinds.includes("agent_replaced"), true);
  assertEquals(kinds.includes("agent_disconnected"), false);
});

Deno.test("the seventh replacement within a minute is delayed by a minute", async () => {
  await using core = await MemoryManager.start();
  await core.knows("web-1");
  await core.admitted("web-1");
  for (let count = 1; count <= 6; count++) await core.admitted("web-1");
  const seventh = await core.hello("web-1");
  const { code, retryAfterMs } = await turnedAway(seventh);
  assertEquals({ code, retryAfterMs }, { code: BUSY, retryAfterMs: 60_000 });
  assertEquals(core.fleet.session("web-1"), core.sessions[6]?.agent);
  const event = (await core.happened()).at(-1);
  assertEquals(event?.kind, "agent_refused");
  assertMatch(event?.message ?? "", /do two hosts have this name\?/);
});

Deno.test("a minute after its last replacements an agent may be replaced again", async () => {
  await using core = await MemoryManager.start();
  await core.knows("web-1");
  await core.admitted("web-1");
  for (let count = 1; count <= 6; count++) await core.admitted("web-1");
  for (let second = 0; second < 60; second += 10) {
    core.sessions.at(-1)?.connection.ping();
    await core.clock.advance(9_000);
  }
  await core.clock.advance(6_001);
  await core.admitted("web-1");
});

Deno.test("an agent without a connection is admitted, after any number of replacements", async () => {
  await using core = await MemoryManager.start();
  await core.knows("web-1");
  const peers = [await core.admitted("web-1")];
  for (let count = 1; count <= 6; count++) {
    peers.push(await core.admitted("web-1"));
  }
  for (const peer of peers) peer.hangUp();
  await Promise.all(core.ends);
  await core.admitted("web-1");
});

const refusedHellos: Readonly<Record<string, Init<"clientHello">>> = {
  "an invalid name": { clientId: "../web" },
  "protocol 1": { protocol: 1 },
  "facts of more than 16 KiB": { facts: { os: "x".repeat(16_383) } },
  "more than 1,000 commands": {
    commands: Array.from({ length: 1_001 }, (_, i) => ({
      commandId: BigInt(i),
    })),
  },
  "a last command id below 0": { lastCommandId: -1n },
  "an invalid instance": { instance: "mine" },
};
for (const [what, init] of Object.entries(refusedHellos)) {
  Deno.test(`a hello with ${what} is a violation`, async () => {
    await using core = await MemoryManager.start();
    await core.knows("web-1");
    const agent = await core.hello("web-1", init);
    const { code, reason } = await turnedAway(agent);
    assertEquals(code, PROTOCOL_ERROR);
    assertMatch(reason, /^protocol error: Cannot accept the hello/);
  });
}

Deno.test("a hello may have facts of 16 KiB and 1,000 commands", async () => {
  await using core = await MemoryManager.start();
  await core.knows("web-1");
  await core.admitted("web-1", {
    facts: { os: "x".repeat(16_382) },
    lastCommandId: 2_000n,
    commands: Array.from({ length: 1_000 }, (_, i) => ({
      commandId: BigInt(i + 1),
      nonce: 2n ** 64n - 1n,
      stdout: 1n,
    })),
  });
});

Deno.test("ids continue above the highest one that the agent has accepted", async () => {
  await using core = await MemoryManager.start();
  await core.knows("web-1");
  await core.admitted("web-1", { lastCommandId: 500n });
  assertEquals((await core.run("web-1")).id, 501n);
});

Deno.test("ids follow an agent by at most 2^32", async () => {
  await using core = await MemoryManager.start();
  await core.knows("web-1");
  await core.admitted("web-1", { lastCommandId: 2n ** 32n });
  const wild = await core.hello("web-1", { lastCommandId: 2n ** 33n + 1n });
  assertEquals((await turnedAway(wild)).code, PROTOCOL_ERROR);
  assertEquals((await core.run("web-1")).id, 2n ** 32n + 1n);
  const told = (await core.happened())
    .find(({ kind }) => kind === "agent_refused");
  assertMatch(told?.message ?? "", /Cannot follow to command id 8589934593/);
});

Deno.test("ids jump by no more for several agents than for one", async () => {
  await using core = await MemoryManager.start();
  const half = 2n ** 31n;
  for (const name of ["web-1", "web-2", "web-3"]) await core.knows(name);
  await core.admitted("web-1", { lastCommandId: half });
  await core.admitted("web-2", { lastCommandId: 2n * half });
  await core.admitted("web-1", { lastCommandId: 2n * half });
  const third = await core.hello("web-3", { lastCommandId: 2n * half + 1n });
  assertEquals((await turnedAway(third)).code, PROTOCOL_ERROR);
  assertEquals((await core.run("web-1")).id, 2n * half + 1n);
  // Ids that were given here are not a jump.
  await core.admitted("web-3", { lastCommandId: 2n * half + 1n });
});

Deno.test("hellos of one name are admitted one at a time", async () => {
  await using core = await MemoryManager.start();
  await core.knows("web-1");
  const release = core.slow.hold("admitAgent");
  const first = await core.hello("web-1", { session: 1n });
  await core.clock.settle();
  const second = await core.hello("web-1", { session: 2n });
  await core.clock.settle();
  assertEquals(core.fleet.session("web-1")?.session, 1n);
  release();
  await first.hears("serverHello");
  assertEquals((await first.hears("bye")).code, REPLACED);
  await second.hears("serverHello");
});

Deno.test("a session that is sent twice at once is admitted once", async () => {
  await using core = await MemoryManager.start();
  await core.knows("web-1");
  const first = await core.hello("web-1", { session: 5n });
  const second = await core.hello("web-1", { session: 5n });
  await first.hears("serverHello");
  assertEquals((await turnedAway(second)).code, STALE);
});

Deno.test("hellos of other names do not wait", async () => {
  await using core = await MemoryManager.start();
  await core.knows("web-1");
  await core.knows("web-2");
  const release = core.slow.hold("enrolAgent");
  const waiting = await core.hello("web-1", { joinToken: "token" });
  await core.admitted("web-2");
  assertEquals(waiting.heardSoFar(), []);
  release();
  await waiting.hears("serverHello");
});

Deno.test("an agent is asked to come back if the Manager cannot record its hello", async () => {
  await using core = await MemoryManager.start();
  await core.knows("web-1");
  core.slow.failOnce("admitAgent", new PiriError("DISK", "Cannot write"));
  const agent = await core.hello("web-1");
  assertEquals((await turnedAway(agent)).code, BUSY);
  await core.ends[0];
  assertEquals(core.fleet.size, 0);
});

Deno.test("an agent leaves the fleet with its Bye", async () => {
  await using core = await MemoryManager.start();
  await core.knows("web-1");
  const agent = await core.admitted("web-1");
  await agent.says("bye", { reason: "maintenance" });
  await core.ends[0];
  assertEquals(core.fleet.size, 0);
  const [, left] = await core.happened();
  assertEquals(left?.kind, "agent_disconnected");
  assertMatch(left?.message ?? "", /it said "maintenance"/);
  const record = await core.store.agent("web-1");
  assertEquals(record?.disconnectedAt, core.clock.now());
});

Deno.test("an agent that hangs up while it is admitted does not stay in the fleet", async () => {
  await using core = await MemoryManager.start();
  await core.knows("web-1");
  const release = core.slow.hold("admitAgent");
  const agent = await core.hello("web-1");
  await core.clock.settle();
  agent.hangUp();
  release();
  await core.ends[0];
  assertEquals(core.fleet.size, 0);
});

Deno.test("a legacy agent gets a ServerHello of legacy fields only", async () => {
  await using core = await MemoryManager.start();
  await core.knows("web-1");
  const agent = await core.hello("web-1", OLD_HELLO);
  const hello = await agent.hears("serverHello");
  assertEquals(
    {
      version: hello.version,
      features: hello.features,
      managerId: hello.managerId,
      managerVersion: hello.managerVersion,
      pingIntervalMs: hello.pingIntervalMs,
    },
    {
      version: 1,
      features: [],
      managerId: "",
      managerVersion: "",
      pingIntervalMs: undefined,
    },
  );
  await agent.hears("ping");
  assertEquals((await core.store.agent("web-1"))?.protocol, 1);
});

Deno.test("the latest hello of a legacy agent replaces its connection", async () => {
  await using core = await MemoryManager.start();
  await core.knows("web-1");
  const first = await core.admittedOld("web-1");
  await core.admittedOld("web-1");
  assertEquals((await first.hears("bye")).code, REPLACED);
  assertEquals(core.fleet.session("web-1"), core.sessions[1]?.agent);
});

Deno.test("a removed agent is told so, now and when it comes back", async () => {
  await using core = await MemoryManager.start();
  await core.knows("web-1");
  const agent = await core.admitted("web-1");
  await core.agents.remove("web-1");
  assertEquals(await turnedAway(agent, { hangsUp: true }), TOLD);
  await core.ends[0];
  assertEquals(await turnedAway(await core.hello("web-1")), TOLD);
  assertEquals(core.counters.all()["removed_hellos"], 1n);
});

Deno.test("a caller without the removed agent's proof hears no more than a stranger", async () => {
  await using core = await MemoryManager.start();
  await core.knows("web-1");
  await core.agents.remove("web-1");
  const hellos: Init<"clientHello">[] = [
    { auth: "guess" },
    { auth: "" },
    { clientId: "web-2" },
    { clientId: "WEB-1" },
    { joinToken: "token", auth: "guess" },
  ];
  for (const hello of hellos) {
    const stranger = await core.hello("web-1", hello);
    assertEquals(await turnedAway(stranger), {
      code: AUTH_FAILED,
      reason: "auth failed",
    });
  }
});

Deno.test("a legacy agent that was removed gets the plain Bye that it knows", async () => {
  await using core = await MemoryManager.start();
  await core.knows("web-1");
  const agent = await core.admittedOld("web-1");
  await core.agents.remove("web-1");
  const plain = { code: AUTH_FAILED, reason: "auth failed" };
  assertEquals(await turnedAway(agent, { hangsUp: true }), plain);
  const again = await core.hello("web-1", OLD_HELLO);
  assertEquals(await turnedAway(again), plain);
});

Deno.test("a name that is added again admits its new secret, and tells the old one that it was removed", async () => {
  await using core = await MemoryManager.start();
  await core.knows("web-1");
  await core.agents.remove("web-1");
  await core.clock.advance(1_000);
  const token = await core.agents.add({ id: "web-1", groups: [], cidrs: [] });
  const joinToken = parseJoinToken(token).secret;
  await core.admitted("web-1", { joinToken, auth: "new secret" });
  assertEquals(await turnedAway(await core.hello("web-1")), TOLD);
  await core.agents.remove("web-1");
  for (const auth of ["new secret", "secret of web-1"]) {
    const old = await core.hello("web-1", { auth });
    assertEquals(await turnedAway(old), TOLD);
  }
});

Deno.test("an agent that is added again with the secret that it has is admitted", async () => {
  await using core = await MemoryManager.start();
  await core.knows("web-1");
  await core.agents.remove("web-1");
  await core.knows("web-1");
  await core.admitted("web-1");
});

Deno.test("an agent that cannot be recorded is asked to come back soon", async () => {
  await using core = await MemoryManager.start();
  await core.knows("web-1");
  core.slow.failOnce(
    "admitAgent",
    new PiriError("DISK", "Cannot commit: the disk is full"),
  );
  const agent = await core.hello("web-1");
  const { code, retryAfterMs } = await turnedAway(agent);
  assertEquals([code, retryAfterMs], [BUSY, 2_500]);
});

Deno.test("a command is recorded with the instance and the session of the admitted hello", async () => {
  await using core = await MemoryManager.start();
  await core.knows("web-1");
  const agent = await core.admitted("web-1", { session: 9n });
  const { id } = await core.run("web-1");
  const command = await agent.hears("command");
  assertEquals(command.commandId, id);
  const { instance, session } = await core.commands.get(id);
  assertEquals({ instance, session }, { instance: INSTANCE, session: 9n });
});

Deno.test("a message in the same read as the hello is handled after it", async () => {
  await using core = await MemoryManager.start();
  await core.knows("web-1");
  const agent = core.dial();
  await agent.saysAtOnce(
    body("clientHello", core.helloOf("web-1")),
    body("ping", { data: 4 }),
  );
  await agent.hears("serverHello");
  assertEquals((await agent.hears("pong")).data, 4);
});
