import { assertEquals } from "@std/assert";
import { hashSecret } from "../../../lib/base/secret.ts";
import { FEATURES } from "../../../lib/wire/features.ts";
import { helloHash, transcriptHash } from "../../../lib/wire/proof.ts";
import { Bye_Code } from "../../../proto/gen/piri/agent/v1/agent_messages.ts";
import {
  MANAGER_PROOF,
  proves,
  saysHello,
  testKey,
} from "../../support/keys.ts";
import { MemoryManager } from "../../support/memory_manager.ts";
import type { ScriptedPeer } from "../../support/scripted_peer.ts";

function start(): Promise<MemoryManager> {
  return MemoryManager.start({ proof: MANAGER_PROOF });
}

/** An agent that is connected by its key, whose secret was shown together with it before. */
async function withKey(core: MemoryManager, name = "web-1"): Promise<void> {
  await core.knows(name);
  const { peer } = await proves(core, name);
  await peer.hears("serverHello");
  peer.hangUp();
  await core.clock.settle();
}

async function hearsAuthFailed(peer: ScriptedPeer): Promise<void> {
  const { code, reason } = await peer.hears("bye");
  assertEquals([code, reason], [Bye_Code.AUTH_FAILED, "auth failed"]);
}

Deno.test("a key is recorded with the hello that shows the secret, and admits without it", async () => {
  await using core = await start();
  await core.knows("web-1");
  const first = await proves(core, "web-1");
  const { features } = await first.peer.hears("serverHello");
  assertEquals(features, [...FEATURES]);
  assertEquals(
    (await core.store.agent("web-1"))?.publicKey,
    testKey(2).publicKey,
  );
  const { peer } = await proves(core, "web-1", { hello: { auth: "" } });
  await peer.hears("serverHello");
});

Deno.test("a hello with a secret for an agent with a key is refused", async () => {
  await using core = await start();
  await withKey(core);
  await hearsAuthFailed(await core.hello("web-1"));
});

Deno.test("a hello whose proof a man in the middle took out of the features is refused", async () => {
  await using core = await start();
  await withKey(core);
  const { peer } = await saysHello(core, "web-1", {
    hello: { features: FEATURES.filter((feature) => feature !== "proof") },
  });
  await hearsAuthFailed(peer);
});

Deno.test("a proof that was good once is refused", async () => {
  await using core = await start();
  await withKey(core);
  const good = await saysHello(core, "web-1");
  const proof = good.proof.answer(await good.peer.hears("authChallenge"));
  await good.peer.says("authProof", proof);
  await good.peer.hears("serverHello");
  good.peer.hangUp();
  await core.clock.settle();
  const replay = core.dial();
  await replay.says("clientHello", good.hello);
  await replay.hears("authChallenge");
  await replay.says("authProof", proof);
  await hearsAuthFailed(replay);
});

Deno.test("a proof over another hello than the one that came is refused", async () => {
  await using core = await start();
  await withKey(core);
  const { peer, hello } = await saysHello(core, "web-1");
  const { nonce, managerId, managerKey } = await peer.hears("authChallenge");
  const { authority, serverName } = MANAGER_PROOF;
  const signed = transcriptHash("agent", {
    managerId,
    managerKey,
    authority,
    serverName,
    hello,
    helloHash: helloHash({ ...hello, facts: { role: "another" } }),
    nonce,
  });
  await peer.says("authProof", { signature: testKey(2).sign(signed) });
  await hearsAuthFailed(peer);
});

Deno.test("a wrong proof is refused even with the right secret", async () => {
  await using core = await start();
  await core.knows("web-1");
  const { peer } = await saysHello(core, "web-1");
  await peer.hears("authChallenge");
  await peer.says("authProof", { signature: new Uint8Array(64) });
  await hearsAuthFailed(peer);
  assertEquals((await core.store.agent("web-1"))?.publicKey, null);
});

Deno.test("an unknown name, a wrong proof, and another key get the same answer", async () => {
  await using core = await start();
  await withKey(core);
  const unknown = await proves(core, "web-2");
  const other = await proves(core, "web-1", { key: testKey(3) });
  const wrong = await saysHello(core, "web-1");
  await wrong.peer.hears("authChallenge");
  await wrong.peer.says("authProof", { signature: new Uint8Array(64) });
  const byes = [
    await unknown.peer.hears("bye"),
    await other.peer.hears("bye"),
    await wrong.peer.hears("bye"),
  ];
  assertEquals(byes.map((bye) => ({ ...bye })), [byes[0], byes[0], byes[0]]);
  assertEquals(byes[0]?.reason, "auth failed");
});

Deno.test("a Manager without a key goes on with secrets", async () => {
  await using core = await MemoryManager.start();
  await core.knows("web-1");
  const { peer } = await saysHello(core, "web-1");
  const { features } = await peer.hears("serverHello");
  assertEquals(features.includes("proof"), false);
});

Deno.test("an agent that does not answer the challenge is left after 10 s", async () => {
  await using core = await start();
  const { peer } = await saysHello(core, "web-1");
  await peer.hears("authChallenge");
  await core.clock.advance(9_999);
  assertEquals(peer.hasEnded, false);
  await core.clock.advance(1);
  await peer.hearsTheEnd();
  assertEquals(core.counters.all()["proof_timeouts"], 1n);
});

Deno.test("a token is not used up by a wrong proof, and records the key with the secret", async () => {
  await using core = await start();
  await core.store.addAgent({
    id: "web-1",
    groups: [],
    cidrs: [],
    tokenHash: hashSecret("token"),
    tokenExpiresAt: Number.MAX_SAFE_INTEGER,
    addedAt: 0,
  });
  const hello = { joinToken: "token" };
  const wrong = await saysHello(core, "web-1", { hello });
  await wrong.peer.hears("authChallenge");
  await wrong.peer.says("authProof", { signature: new Uint8Array(64) });
  await hearsAuthFailed(wrong.peer);
  const { peer } = await proves(core, "web-1", { hello });
  await peer.hears("serverHello");
  // The same join again, as if its answer had been lost; then the recorded hello without its proof.
  const again = await proves(core, "web-1", { hello });
  await again.peer.hears("serverHello");
  await hearsAuthFailed(await core.hello("web-1", hello));
});

Deno.test("an agent that was removed hears it by its key, and its old secret proves nothing", async () => {
  await using core = await start();
  await withKey(core);
  await core.agents.remove("web-1");
  const { peer } = await proves(core, "web-1", { hello: { auth: "" } });
  assertEquals((await peer.hears("bye")).code, Bye_Code.REMOVED);
  await hearsAuthFailed(await core.hello("web-1"));
});

Deno.test("a name that comes back does not inherit the key", async () => {
  await using core = await start();
  await withKey(core);
  await core.agents.remove("web-1");
  await core.agents.addWithSecret({
    id: "web-1",
    groups: [],
    cidrs: [],
    secretHash: hashSecret("another"),
  });
  const { peer } = await proves(core, "web-1", { hello: { auth: "" } });
  assertEquals((await peer.hears("bye")).code, Bye_Code.REMOVED);
  assertEquals((await core.store.agent("web-1"))?.publicKey, null);
});
