import { assertEquals, assertMatch } from "@std/assert";
import { CommandResult_Status } from "../../../proto/gen/piri/agent/v1/agent_messages.ts";
import { MANAGER, MemoryAgent, resultOf } from "../../support/memory_agent.ts";

Deno.test("a command being journaled when the agent must stop is refused, and the refusal is stored", async () => {
  await using core = await MemoryAgent.start();
  const accepted = core.accept({ commandId: 1n });
  core.runner.refuse("the agent stops");
  await core.runner.stop();

  // The end has waited for it: from here on the journal is closed.
  const entry = core.journal.find(MANAGER, 1n);
  assertEquals(entry?.state, "finished");
  assertEquals(await accepted, entry);
  assertEquals(core.workers.jobs.length, 0);
  await using later = await core.restarted();
  const kept = later.journal.find(MANAGER, 1n);
  const { status, output } = resultOf(kept ?? await later.accepted({}));
  assertEquals(status, CommandResult_Status.REFUSED);
  assertMatch(output, /the agent stops/);
});
