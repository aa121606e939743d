import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { PiriError } from "../../../lib/base/errors.ts";
import { FEATURES } from "../../../lib/wire/features.ts";
import { MemoryManager } from "../../support/memory_manager.ts";
import type { ScriptedPeer } from "../../support/scripted_peer.ts";
import { BlobsAt, sha256Of } from "./support.ts";

/** Manager with a folder of blobs, and its agent "web-1". */
async function withBlobs(): Promise<
  & { at: BlobsAt; core: MemoryManager; agent: ScriptedPeer }
  & AsyncDisposable
> {
  const at = await BlobsAt.start();
  const core = await MemoryManager.start({ blobs: at.blobs });
  for (const name of ["web-1", "web-2"]) await core.knows(name);
  const agent = await core.admitted("web-1");
  return {
    at,
    core,
    agent,
    [Symbol.asyncDispose]: async () => {
      await core[Symbol.asyncDispose]();
      await at[Symbol.asyncDispose]();
    },
  };
}

/** Asks for the first bytes of a blob, and returns the answer as text. */
async function ask(
  agent: ScriptedPeer,
  sha256: string,
  range: Readonly<Record<string, unknown>> = { offset: 0, length: 5 },
): Promise<string> {
  const data = JSON.stringify({ sha256, ...range });
  await agent.says("dataRequest", { requestId: 1n, type: "blob", data });
  const { value } = await agent.hears("dataResponse");
  return value.case === "bytes"
    ? new TextDecoder().decode(value.value)
    : String(value.value);
}

Deno.test("an agent gets pieces of a blob while an open command of it names the blob, and no longer", async () => {
  await using parts = await withBlobs();
  const { at, core, agent } = parts;
  const blob = await at.put("0123456789");
  assertMatch(await ask(agent, blob), /^DENIED: /);
  const { id } = await core.run("web-1", { params: JSON.stringify({ blob }) });
  await agent.hears("command");

  assertEquals(await ask(agent, blob), "01234");
  assertEquals(await ask(agent, blob, { offset: 8, length: 5 }), "89");
  assertEquals(await ask(agent, blob, { offset: 20, length: 5 }), "");
  await agent.says("result", { commandId: id, status: 1 });
  await agent.hears("commandAck");
  assertMatch(await ask(agent, blob), /^DENIED: /);
});

Deno.test("an agent gets no blob that only the command of another agent names", async () => {
  await using parts = await withBlobs();
  const { at, core, agent } = parts;
  const blob = await at.put("0123456789");
  const other = await core.admitted("web-2");
  await core.run("web-2", { params: JSON.stringify({ blob }) });
  await other.hears("command");

  assertEquals(
    await ask(agent, blob),
    `DENIED: Cannot answer the request: no open command of agent "web-1" names the blob ${blob}`,
  );
});

Deno.test("a request for a blob that is damaged is refused with the part that is wrong", async () => {
  await using parts = await withBlobs();
  const { agent } = parts;
  const hash = sha256Of("");

  assertMatch(
    await ask(agent, "../manager.db"),
    /"sha256" is missing or wrong/,
  );
  assertMatch(
    await ask(agent, hash, { offset: -1, length: 1 }),
    /"offset" is missing or wrong/,
  );
  assertMatch(
    await ask(agent, hash, { offset: 0 }),
    /"length" is missing or wrong/,
  );
});

Deno.test("a command with large input is refused for agents that cannot read it", async () => {
  await using parts = await withBlobs();
  const { at, core } = parts;
  const params = JSON.stringify({ blob: await at.put("large") });
  const features = FEATURES.filter((feature) => feature !== "blobs");
  await core.admitted("web-2", { features });
  const refused = await assertRejects(
    () => core.run("web-2", { params }),
    PiriError,
  );

  assertEquals(refused.code, "REFUSED");
  assertEquals(
    refused.message,
    'Cannot run "echo.Echo" on "web-2": its version of piri-agent cannot read large input from the Manager; install a newer one',
  );
});

Deno.test("the blobs that a command names are recorded with it, and forgotten with it", async () => {
  await using parts = await withBlobs();
  const { at, core, agent } = parts;
  const blob = await at.put("large");
  const { id } = await core.run("web-1", { params: JSON.stringify({ blob }) });
  await agent.hears("command");
  const used = { sha256: blob, isTree: false };
  assertEquals(await core.store.blobUses(), [{ ...used, endedAt: null }]);
  const endedAt = core.clock.now();
  await agent.says("result", { commandId: id, status: 1 });
  await agent.hears("commandAck");
  assertEquals(await core.store.blobUses(), [{ ...used, endedAt }]);
  await core.store.prune({ before: endedAt + 1, outputBytes: 0n });

  assertEquals(await core.store.blobUses(), []);
});

Deno.test("a rerun whose input is gone says so", async () => {
  await using parts = await withBlobs();
  const { at, core, agent } = parts;
  const blob = await at.put("large");
  const { id } = await core.run("web-1", { params: JSON.stringify({ blob }) });
  await agent.hears("command");
  await agent.says("result", { commandId: id, status: 1 });
  await agent.hears("commandAck");
  await at.clock.advance(3_600_000);
  await at.blobs.sweep();

  await assertRejects(
    () => core.commands.rerun(id, { requestId: "again", requestedBy: "test" }),
    PiriError,
    "the Manager no longer has its input",
  );
});
