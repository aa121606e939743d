import { assert, assertEquals } from "@std/assert";
import { PiriError } from "../../lib/base/errors.ts";
import { Limits } from "../../lib/base/limits.ts";
import type { DataService } from "../../lib/manager/data/data_service.ts";
import { encodeMessage, type MessageOf } from "../../lib/wire/message.ts";
import { MemoryManager } from "../support/memory_manager.ts";
import type { ScriptedPeer } from "../support/scripted_peer.ts";

/** Starts a core with this data service, and an agent that is connected to it. */
async function asking(answer: DataService["answer"]): Promise<
  { core: MemoryManager; agent: ScriptedPeer } & AsyncDisposable
> {
  const core = await MemoryManager.start({ data: { answer } });
  await core.knows("web-1", { groups: ["web"] });
  const agent = await core.admitted("web-1");
  return {
    core,
    agent,
    [Symbol.asyncDispose]: () => core[Symbol.asyncDispose](),
  };
}

/** An answer, in short. */
function inShort(
  { requestId, ok, value, more }: MessageOf<"dataResponse">,
): [bigint, boolean, unknown, boolean] {
  return [requestId, ok, value.value, more];
}

Deno.test("the data service's answer, text or bytes, goes to the agent that asked", async () => {
  await using parts = await asking((agent, type, params) =>
    Promise.resolve(
      type === "bytes"
        ? new Uint8Array([1, 2])
        : `${agent.id} ${agent.groups} ${params}`,
    )
  );
  const { agent } = parts;
  await agent.says("dataRequest", { requestId: 1n, type: "text", data: "{}" });
  assertEquals(inShort(await agent.hears("dataResponse")), [
    1n,
    true,
    "web-1 web {}",
    false,
  ]);
  await agent.says("dataRequest", { requestId: 2n, type: "bytes" });
  assertEquals(inShort(await agent.hears("dataResponse")), [
    2n,
    true,
    new Uint8Array([1, 2]),
    false,
  ]);
});

Deno.test("an error becomes an answer with its code, and the connection stays", async () => {
  await using parts = await asking((_, type) =>
    Promise.reject(
      type === "bug"
        ? new TypeError("oops")
        : new PiriError("NOT_FOUND", "Cannot find it"),
    )
  );
  const { agent } = parts;
  await agent.says("dataRequest", { requestId: 1n });
  assertEquals(inShort(await agent.hears("dataResponse")), [
    1n,
    false,
    "NOT_FOUND: Cannot find it",
    false,
  ]);
  await agent.says("dataRequest", { requestId: 2n, type: "bug" });
  assertEquals(inShort(await agent.hears("dataResponse")), [
    2n,
    false,
    "INTERNAL: oops",
    false,
  ]);
});

Deno.test("a slow answer delays neither the connection nor other answers", async () => {
  const slow = Promise.withResolvers<string>();
  await using parts = await asking((_, type) =>
    type === "slow" ? slow.promise : Promise.resolve("quick")
  );
  const { agent } = parts;
  await agent.says("dataRequest", { requestId: 1n, type: "slow" });
  await agent.says("ping", { data: 1 });
  await agent.hears("pong");
  await agent.says("dataRequest", { requestId: 2n });
  assertEquals((await agent.hears("dataResponse")).requestId, 2n);
  slow.resolve("at last");
  assertEquals((await agent.hears("dataResponse")).requestId, 1n);
});

Deno.test("a request beyond 32 at a time of one connection is refused as busy", async () => {
  const slow = Promise.withResolvers<string>();
  await using parts = await asking(() => slow.promise);
  const { core, agent } = parts;
  for (let requestId = 1n; requestId <= 33n; requestId++) {
    await agent.says("dataRequest", { requestId });
  }
  const refused = await agent.hears("dataResponse");
  assertEquals(inShort(refused), [
    33n,
    false,
    "BUSY: Cannot answer more than 32 requests at a time",
    false,
  ]);
  await core.knows("web-2");
  const other = await core.admitted("web-2");
  await other.says("dataRequest", { requestId: 1n });
  slow.resolve("at last");
  await other.hears("dataResponse");
  for (let count = 0; count < 32; count++) await agent.hears("dataResponse");
  await core.clock.settle();
  await agent.says("dataRequest", { requestId: 34n });
  assertEquals((await agent.hears("dataResponse")).ok, true);
});

Deno.test("an answer whose connection has gone is counted and dropped", async () => {
  const slow = Promise.withResolvers<string>();
  await using parts = await asking(() => slow.promise);
  const { core, agent } = parts;
  await agent.says("dataRequest", { requestId: 1n });
  await core.clock.settle();
  agent.hangUp();
  await core.ends[0];
  slow.resolve("at last");
  await core.clock.settle();
  assertEquals(core.counters.all()["data_responses_dropped"], 1n);
});

Deno.test("the largest answer fits into a message within the peer's limit", async () => {
  await using parts = await asking((_agent, _type, _params, limits) =>
    Promise.resolve(new Uint8Array(limits?.maxBytes ?? 0))
  );
  const { core, agent } = parts;
  const size = async (peer: ScriptedPeer) => {
    await peer.says("dataRequest", { requestId: -1n });
    const value = await peer.hears("dataResponse");
    return encodeMessage({ case: "dataResponse", value }).length;
  };
  const most = await size(agent);
  assert(most > 260_000 && most <= Limits.message, `${most} bytes`);
  await core.knows("old-1");
  const mostOfOld = await size(await core.admittedOld("old-1"));
  assert(
    mostOfOld > 64_000 && mostOfOld <= Limits.handshakeFrame,
    `${mostOfOld} bytes`,
  );
});
