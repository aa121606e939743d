import { assertEquals, assertRejects } from "@std/assert";
import { encodeHex } from "@std/encoding/hex";
import { PiriError } from "../../../lib/base/errors.ts";
import { readStatement, trustHashes } from "../../../lib/wire/trust.ts";
import { CommandResult_Status } from "../../../proto/gen/piri/agent/v1/agent_messages.ts";
import { MANAGER_PROOF, proves, testKey } from "../../support/keys.ts";
import { MemoryKeys } from "../../support/memory_keys.ts";
import { MemoryManager } from "../../support/memory_manager.ts";
import type { ScriptedPeer } from "../../support/scripted_peer.ts";

/** A Manager whose keys can be rotated, which knows web-1 and web-2. */
async function start(): Promise<{ core: MemoryManager; keys: MemoryKeys }> {
  const keys = new MemoryKeys();
  const core = await MemoryManager.start({ proof: MANAGER_PROOF, keys });
  await core.knows("web-1");
  await core.knows("web-2");
  return { core, keys };
}

/** Hashes of the keys that agents trust before a rotation. */
function present(keys: MemoryKeys): Uint8Array<ArrayBuffer>[] {
  return trustHashes({
    authorities: [keys.authority.certificate],
    managerKeys: [keys.managerKey.publicKey],
  });
}

async function connects(
  core: MemoryManager,
  name: string,
  trust: Uint8Array[],
): Promise<ScriptedPeer> {
  const { peer } = await proves(core, name, { hello: { trust } });
  await peer.hears("serverHello");
  return peer;
}

/** Takes the statement that an agent is sent, as the agent would. */
async function obeys(
  core: MemoryManager,
  peer: ScriptedPeer,
): Promise<string[]> {
  const { commandId, type, data } = await peer.hears("command");
  assertEquals(type, "agent.Trust");
  const statement = readStatement(JSON.parse(data), [testKey(1).publicKey]);
  const trust = trustHashes(statement).map((hash) => encodeHex(hash));
  await peer.says("result", {
    commandId,
    status: CommandResult_Status.SUCCESS,
    data: new TextEncoder().encode(JSON.stringify({ trust })),
  });
  await core.clock.settle();
  return trust;
}

Deno.test("agents are told of the next key, those that were away when they come back", async () => {
  const { core, keys } = await start();
  await using _stop = core;
  const trust = present(keys);
  const first = await connects(core, "web-1", trust);

  await core.keys.start("authority");
  assertEquals((await obeys(core, first)).length, 3);
  const second = await connects(core, "web-2", trust);
  await obeys(core, second);

  const { authority } = await core.keys.view();
  assertEquals([authority.trustedBy, authority.missing], [2, []]);
});

Deno.test("an agent that trusts what it should is told nothing", async () => {
  const { core, keys } = await start();
  await using _stop = core;
  const peer = await connects(core, "web-1", present(keys));
  await core.keys.start("manager");
  const known = await obeys(core, peer);
  peer.hangUp();
  await core.clock.settle();
  const again = await connects(
    core,
    "web-1",
    known.map((hex) => Uint8Array.fromHex(hex)),
  );
  await core.clock.settle();
  assertEquals(again.kindsSoFar().includes("command"), false);
});

Deno.test("the end of a rotation names the agents that do not trust the next key", async () => {
  const { core, keys } = await start();
  await using _stop = core;
  await connects(core, "web-1", present(keys));
  await core.keys.start("manager");
  await assertRejects(
    () => core.keys.finish("manager", ["web-1"]),
    PiriError,
    "web-2 does not trust the new key yet",
  );
  await assertRejects(
    () => core.keys.finish("manager", []),
    PiriError,
    "web-[1-2] do not trust the new key yet",
  );
  const { leftBehind } = await core.keys.finish("manager", ["web-1", "web-2"]);
  assertEquals(leftBehind, ["web-1", "web-2"]);
});

Deno.test("retired and revoked agents, and those that never joined, hold no rotation up", async () => {
  const { core } = await start();
  await using _stop = core;
  await core.agents.add({ id: "never-1", groups: [], cidrs: [] });
  await core.agents.revoke("web-1");
  await core.agents.set(["web-2"], {
    addGroups: [],
    removeGroups: [],
    setFacts: {},
    removeFacts: [],
    retired: true,
  });
  await core.keys.start("authority");
  assertEquals((await core.keys.view()).authority.missing, []);
});

Deno.test("a rotation is begun once, and cannot be finished before", async () => {
  const { core } = await start();
  await using _stop = core;
  await assertRejects(
    () => core.keys.finish("authority", []),
    PiriError,
    "none is under way",
  );
  await core.keys.start("authority");
  await assertRejects(
    () => core.keys.start("authority"),
    PiriError,
    '"piri-manager ca rotate --finish" ends it',
  );
});

Deno.test("the keys of a Manager that is a text cannot be rotated", async () => {
  await using core = await MemoryManager.start({ proof: MANAGER_PROOF });
  await assertRejects(
    async () => await core.keys.start("manager"),
    PiriError,
    "not in a folder",
  );
});
