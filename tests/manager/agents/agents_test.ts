import { assert, assertEquals, assertRejects } from "@std/assert";
import { parseJoinToken } from "../../../lib/base/join_token.ts";
import { ALL_EVENTS } from "../../../lib/base/event_filter.ts";
import { PiriError } from "../../../lib/base/errors.ts";
import { hashSecret } from "../../../lib/base/secret.ts";
import { AgentAliases } from "../../../lib/manager/admission/agent_aliases.ts";
import { Agents } from "../../../lib/manager/agents/agents.ts";
import { Targeting } from "../../../lib/manager/targeting.ts";
import { countingRandom } from "../../support/counting_random.ts";
import { follow } from "../../support/event_follower.ts";
import { heardLog } from "../../support/heard_log.ts";
import {
  INSTANCE,
  MemoryManager,
  OLD_HELLO,
} from "../../support/memory_manager.ts";

/** Code of the refusal of an attempt. */
async function refusal(attempt: Promise<unknown>): Promise<string> {
  return (await assertRejects(() => attempt, PiriError)).code;
}

Deno.test("an added agent joins with its token, and is listed with the facts from its hello", async () => {
  await using core = await MemoryManager.start();
  const token = await core.agents.add({
    id: "web-1",
    groups: ["web"],
    cidrs: ["10.0.0.0/8"],
  });
  const [before] = await core.agents.list();
  assertEquals(
    [before?.joined, before?.connected, before?.protocol, before?.since],
    [false, false, "", null],
  );
  const { name, secret, addresses } = parseJoinToken(token);
  assertEquals([name, addresses], ["web-1", ["mgr:7051"]]);
  const since = core.clock.now();
  await core.admitted("web-1", {
    joinToken: secret,
    agentVersion: "9.9",
    facts: { os: "linux" },
  });
  const [view] = await core.agents.list();
  assertEquals(view, {
    id: "web-1",
    connected: true,
    since,
    address: "10.1.2.3:5000",
    version: "9.9",
    protocol: "2",
    groups: ["web"],
    cidrs: ["10.0.0.0/8"],
    joined: true,
    instance: INSTANCE,
    facts: { os: "linux" },
    setFacts: {},
    retired: false,
    revokedAt: null,
  });
});

Deno.test("an agent that has gone is listed with the time of its end", async () => {
  await using core = await MemoryManager.start();
  await core.knows("web-1");
  const agent = await core.admitted("web-1");
  await core.clock.advance(5_000);
  agent.hangUp();
  await core.ends[0];
  const [view] = await core.agents.list();
  assertEquals([view?.connected, view?.since], [false, core.clock.now()]);
});

Deno.test("a legacy agent is listed as one", async () => {
  await using core = await MemoryManager.start();
  await core.knows("old-1");
  await core.hello("old-1", OLD_HELLO).then((peer) =>
    peer.hears("serverHello")
  );
  assertEquals((await core.agents.list())[0]?.protocol, "2024");
});

Deno.test("an agent added with its secret is admitted by it, and may join with a token later", async () => {
  await using core = await MemoryManager.start();
  const entry = { id: "old-1", groups: ["old"], cidrs: ["10.0.0.0/8"] };
  const secretHash = hashSecret("what its config says");
  await core.agents.addWithSecret({ ...entry, secretHash });
  assertEquals(
    await refusal(core.agents.addWithSecret({ ...entry, secretHash })),
    "ALREADY_EXISTS",
  );
  assertEquals((await core.agents.list())[0]?.joined, true);
  const stranger = await core.hello("old-1", { ...OLD_HELLO, auth: "guessed" });
  assertEquals((await stranger.hears("bye")).reason, "auth failed");
  const agent = await core.hello("old-1", {
    ...OLD_HELLO,
    auth: "what its config says",
  });
  await agent.hears("serverHello");
  assertEquals((await core.agents.list())[0]?.protocol, "2024");

  const { secret } = parseJoinToken(await core.agents.renewToken("old-1"));
  await core.admitted("old-1", { joinToken: secret, auth: "new secret" });
  assertEquals((await core.agents.list())[0]?.protocol, "2");
});

Deno.test("an agent added with its secret has it from the first write on", async () => {
  await using core = await MemoryManager.start();
  const release = core.slow.hold("enrolAgent");
  const secretHash = hashSecret("what its config says");
  const entry = { id: "old-1", groups: [], cidrs: [], secretHash };
  const added = core.agents.addWithSecret(entry);
  await core.clock.settle();
  // A Manager that starts after a crash in between finds this record.
  const found = await core.store.agent("old-1");
  assertEquals(found?.secretHash, secretHash);
  release();
  await added;
});

Deno.test("an agent added with its secret has no token that could be guessed", async () => {
  await using core = await MemoryManager.start();
  const secretHash = hashSecret("what its config says");
  const entry = { id: "old-1", groups: [], cidrs: [], secretHash };
  await core.agents.addWithSecret(entry);
  const { tokenHash, tokenExpiresAt } = await core.store.agent("old-1") ?? {};
  assertEquals([tokenHash, tokenExpiresAt], [null, null]);
});

Deno.test("a token is valid for 24 hours by default", async () => {
  await using core = await MemoryManager.start();
  const add = (id: string, expiresInMs?: number) =>
    core.agents.add({ id, groups: [], cidrs: [], expiresInMs });
  await add("day-1");
  await add("hour-1", 3_600_000);
  const now = core.clock.now();
  const expiry = async (id: string) =>
    ((await core.store.agent(id))?.tokenExpiresAt ?? 0) - now;
  assertEquals([await expiry("day-1"), await expiry("hour-1")], [
    86_400_000,
    3_600_000,
  ]);
});

Deno.test("an invalid name, group or network is refused, and so is a name that is taken", async () => {
  await using core = await MemoryManager.start();
  const add = (given: { id?: string; groups?: string[]; cidrs?: string[] }) =>
    core.agents.add({ id: "web-1", groups: [], cidrs: [], ...given });
  for (
    const given of [
      { id: "" },
      { id: "../web" },
      { id: "x".repeat(101) },
      { groups: ["a/b"] },
      { cidrs: ["10.0.0.0/99"] },
    ]
  ) {
    assertEquals(await refusal(add(given)), "INVALID_ARGUMENT");
  }
  await add({});
  assertEquals(await refusal(add({})), "ALREADY_EXISTS");
});

Deno.test("a new token enrols another secret, and the old secret is valid until then", async () => {
  await using core = await MemoryManager.start();
  await core.knows("web-1");
  const token = parseJoinToken(await core.agents.renewToken("web-1"));
  await core.admitted("web-1");
  await core.admitted("web-1", { joinToken: token.secret, auth: "new secret" });
  const old = await core.hello("web-1");
  await old.hears("bye");
  assertEquals(await refusal(core.agents.renewToken("web-9")), "NOT_FOUND");
});

Deno.test("an unknown agent cannot be removed", async () => {
  await using core = await MemoryManager.start();
  assertEquals(await refusal(core.agents.remove("web-9")), "NOT_FOUND");
});

Deno.test("a follower of events gets earlier and later ones, each once", async () => {
  await using core = await MemoryManager.start();
  core.events.add("run", "first");
  core.events.add("run", "second");
  await core.clock.settle();
  await using following = follow(core, { start: { tail: 1 } });
  await core.clock.settle();
  for (let count = 0; count < 5; count++) core.events.add("run", `${count}`);
  await core.clock.settle();
  assertEquals(
    following.events.map(({ message }) => message),
    ["second", "0", "1", "2", "3", "4"],
  );
});

Deno.test("all events after one are listed, even if they are many", async () => {
  await using core = await MemoryManager.start();
  for (let count = 0; count < 450; count++) core.events.add("run", `${count}`);
  const [third] = (await core.happened()).slice(2);
  assert(third !== undefined);
  const heard: string[] = [];
  const events = core.events.watch({ afterId: third.id }, {
    follow: false,
    filter: ALL_EVENTS,
    signal: new AbortController().signal,
  });
  for await (const { message } of events) heard.push(message);
  assertEquals([heard.length, heard[0], heard.at(-1)], [447, "3", "449"]);
});

/** Warnings of the log at the start of a Manager that knows agents of these names. */
async function toldOf(names: readonly string[]): Promise<string[]> {
  await using log = await heardLog();
  await using core = await MemoryManager.start();
  await core.knows("web-1");
  const [record] = await core.store.agents();
  const known = names.flatMap((id) => record ? [{ ...record, id }] : []);
  const { store, clock, counters, events, fleet, commands, roster } = core;
  const jobs = core.jobs.effects;
  const identity = {
    addresses: [],
    serverName: "",
    caCertificate: new Uint8Array(),
  };
  const random = countingRandom();
  const parts = { store, clock, counters, events, fleet, random, roster };
  const targeting = new Targeting(parts);
  new Agents({
    ...parts,
    commands,
    identity,
    targeting,
    jobs,
    aliases: new AgentAliases(),
    operators: () => [],
    settingsOf: () => Promise.resolve([]),
  }).load(known);
  assertEquals(fleet.known, names.length);
  return log.records.map(({ message }) => message.join(""));
}

Deno.test("names that differ only in case are told in the log at the start, and work as before", async () => {
  assertEquals(await toldOf(["Db-1", "db-1", "web-1", "DB-1"]), [
    'The names of agents "Db-1" and "db-1" and "DB-1" differ only in upper and lower case: remove all but one, and add the others by other names',
  ]);
});

Deno.test("names that are words of target expressions are told in the log, and refused when new", async () => {
  assertEquals(await toldOf(["failed", "web-1"]), [
    'The name of agent "failed" is a word of target expressions: write it in quotes there, or add the agent by another name',
  ]);
  await using core = await MemoryManager.start();
  for (
    const entry of [
      { id: "all", groups: [], cidrs: [] },
      { id: "Connected", groups: [], cidrs: [] },
      { id: "web-1", groups: ["lost"], cidrs: [] },
    ]
  ) {
    assertEquals(await refusal(core.agents.add(entry)), "INVALID_ARGUMENT");
  }
});
