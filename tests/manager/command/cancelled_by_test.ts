import { assertEquals } from "@std/assert";
import { MemoryManager } from "../../support/memory_manager.ts";

/** Name of the first requester of a command's end, and the grace, as recorded. */
async function recorded(core: MemoryManager, id: bigint) {
  const record = await core.store.command(id);
  return [record?.cancelRequestedBy, record?.cancelGraceMs];
}

Deno.test("a cancel is recorded with its first requester and the shortest grace", async () => {
  await using core = await MemoryManager.start();
  await core.knows("web-1");
  const agent = await core.admitted("web-1");
  const { id } = await core.run("web-1");
  await agent.hears("command");
  assertEquals(await recorded(core, id), ["", null]);
  const first = await core.commands.cancel(id, {
    graceMs: 30_000,
    requestedBy: "ann",
  });
  assertEquals(first.cancelRequestedBy, "ann");
  await core.clock.advance(1_000);
  const second = await core.commands.cancel(id, {
    graceMs: 2_000,
    requestedBy: "ben",
  });
  assertEquals(
    [second.cancelRequestedBy, second.cancelRequestedAt],
    ["ann", first.cancelRequestedAt],
  );
  assertEquals(await recorded(core, id), ["ann", 2_000]);
  const { entries } = await core.commands.timeline(id);
  assertEquals(
    entries.filter(({ kind }) => kind === "cancel_requested")
      .map(({ text }) => text),
    ["cancel requested by ann, 2 s between SIGTERM and SIGKILL"],
  );
});

Deno.test("a cancel without a requester is reported without a name", async () => {
  await using core = await MemoryManager.start();
  await core.knows("web-1");
  await core.admitted("web-1");
  const { id } = await core.run("web-1");
  await core.commands.cancel(id);
  const { entries } = await core.commands.timeline(id);
  assertEquals(
    entries.filter(({ kind }) => kind === "cancel_requested")
      .map(({ text }) => text),
    ["cancel requested, 5 s between SIGTERM and SIGKILL"],
  );
});
