import { assertEquals, assertRejects } from "@std/assert";
import { PiriError } from "../../../lib/base/errors.ts";
import { FEATURES } from "../../../lib/wire/features.ts";
import {
  CommandResult_Status,
  CommandState_State,
} from "../../../proto/gen/piri/agent/v1/agent_messages.ts";
import { type Init } from "../../support/scripted_peer.ts";
import { MemoryManager } from "../../support/memory_manager.ts";

const { ACCEPTED, RUNNING } = CommandState_State;
const { CANCELLED } = CommandResult_Status;

/** A Manager and a command that was sent, and whose agent is away now. */
async function sent() {
  const core = await MemoryManager.start();
  await core.knows("web-1");
  const agent = await core.admitted("web-1");
  const { id, nonce } = await core.run("web-1");
  await agent.hears("command");
  agent.hangUp();
  await core.ends[0];
  return { core, id, nonce };
}

/** Commands that the answer to this hello says must not begin. */
async function cancelledIn(
  core: MemoryManager,
  hello: Init<"clientHello">,
): Promise<bigint[]> {
  const peer = await core.hello("web-1", hello);
  return [...(await peer.hears("serverHello")).cancelled];
}

for (
  const [how, end] of [
    [
      "cancelled",
      (core: MemoryManager, id: bigint) => core.commands.cancel(id),
    ],
    [
      "given up",
      (core: MemoryManager, id: bigint) =>
        core.commands.giveUp(id, { requestedBy: "ann" }),
    ],
    [
      "given up and then cancelled",
      async (core: MemoryManager, id: bigint) => {
        await core.commands.giveUp(id, { requestedBy: "ann" });
        await core.commands.cancel(id);
      },
    ],
  ] as const
) {
  Deno.test(`a command that was ${how} before it began must not begin, as ServerHello says`, async () => {
    const { core, id, nonce } = await sent();
    await using _ = core;
    await end(core, id);

    const listed = { commandId: id, nonce, state: ACCEPTED };
    assertEquals(
      await cancelledIn(core, { lastCommandId: id, commands: [listed] }),
      [id],
    );
  });

  Deno.test(`a command that was ${how} and that its agent has begun is not in ServerHello`, async () => {
    const { core, id, nonce } = await sent();
    await using _ = core;
    await end(core, id);

    const listed = { commandId: id, nonce, state: RUNNING };
    assertEquals(
      await cancelledIn(core, { lastCommandId: id, commands: [listed] }),
      [],
    );
  });
}

Deno.test("a command that nobody ended may begin", async () => {
  const { core, id, nonce } = await sent();
  await using _ = core;

  const listed = { commandId: id, nonce, state: ACCEPTED };
  assertEquals(
    await cancelledIn(core, { lastCommandId: id, commands: [listed] }),
    [],
  );
});

Deno.test("an agent without hold hears of a cancel after ServerHello, as before", async () => {
  const { core, id, nonce } = await sent();
  await using _ = core;
  await core.commands.cancel(id);

  const peer = await core.hello("web-1", {
    features: FEATURES.filter((feature) => feature !== "hold"),
    lastCommandId: id,
    commands: [{ commandId: id, nonce, state: ACCEPTED }],
  });
  assertEquals((await peer.hears("serverHello")).cancelled, []);
  assertEquals((await peer.hears("cancel")).commandId, id);
});

Deno.test("a cancel is also in ServerHello after a restart of the Manager", async () => {
  const { core, id, nonce } = await sent();
  await using _ = core;
  await core.commands.giveUp(id, { requestedBy: "ann" });
  await using again = await core.restarted();

  const hello = {
    session: 99n,
    lastCommandId: id,
    commands: [{ commandId: id, nonce, state: ACCEPTED }],
  };
  assertEquals(await cancelledIn(again, hello), [id]);
});

Deno.test("a command that was cancelled and never arrived is cancelled, as far as the Manager knows", async () => {
  const { core, id } = await sent();
  await using _ = core;
  await core.commands.cancel(id);

  await core.admitted("web-1", { lastCommandId: id - 1n });
  const { state, presumed, reason } = await core.commands.get(id);
  assertEquals(
    [state, presumed, reason],
    ["cancelled", true, "it never arrived at the agent"],
  );
});

Deno.test("a command that was given up can be cancelled while it runs, and its agent is told at once", async () => {
  await using core = await MemoryManager.start();
  await core.knows("web-1");
  const agent = await core.admitted("web-1");
  const { id } = await core.run("web-1");
  await agent.hears("command");
  await agent.says("progress", { commandId: id, current: 0, total: 1 });
  await core.clock.settle();
  await core.commands.giveUp(id, { requestedBy: "ann" });

  await core.commands.cancel(id, { graceMs: 0, requestedBy: "ben" });
  assertEquals((await agent.hears("cancel")).commandId, id);
  await agent.says("result", { commandId: id, status: CANCELLED });
  await agent.hears("commandAck");
  const { state, presumed, cancelRequestedBy } = await core.commands.get(id);
  assertEquals([state, presumed, cancelRequestedBy], [
    "cancelled",
    false,
    "ben",
  ]);
});

Deno.test("a command that has ended for good cannot be cancelled", async () => {
  await using core = await MemoryManager.start();
  await core.knows("web-1");
  const agent = await core.admitted("web-1");
  const { id } = await core.run("web-1");
  await agent.hears("command");
  await agent.says("result", { commandId: id, status: CANCELLED });
  await agent.hears("commandAck");

  await assertRejects(
    () => core.commands.cancel(id),
    PiriError,
    `Cannot cancel command ${id}: it has ended, it is cancelled`,
  );
});
