import { assertEquals } from "@std/assert";
import { encodeFrames } from "../../lib/wire/frame.ts";
import { CommandResult_Status } from "../../proto/gen/piri/agent/v1/agent_messages.ts";
import { MemoryAgent } from "../support/memory_agent.ts";
import { program } from "../support/program.ts";
import { OldManager } from "./old_manager.ts";

const { SUCCESS } = CommandResult_Status;

/** Frame of these bytes. */
const frame = (...bytes: number[]) =>
  encodeFrames([new Uint8Array(bytes)]).slice();

Deno.test("our Agent knows Bye, Ping and Pong by their legacy numbers", async () => {
  await using manager = await OldManager.start();
  const { agent, wire } = await manager.accepted();
  await agent.says("serverHello", { version: 1 });
  wire.took();
  // PING is type 13 in field 14, PONG type 14 in field 15.
  await agent.writes(frame(8, 13, 114, 2, 8, 5));
  await agent.hears("pong");
  assertEquals(wire.took(), frame(8, 14, 122, 2, 8, 5));
  // BYE is type 12 in field 13.
  await agent.writes(frame(8, 12, 106, 4, 10, 2, 104, 105));
  await agent.hearsTheEnd();
});

Deno.test("our Agent accepts a Pong of a legacy Manager without a Ping", async () => {
  await using manager = await OldManager.start();
  const { agent } = await manager.accepted();
  await agent.says("pong", { data: 3 });
  await agent.says("serverHello", { version: 1 });
  await agent.says("pong", { data: -1 });
  assertEquals(
    (await agent.runs("echo.Echo", { message: "here" })).output,
    "here\n",
  );
});

Deno.test("an empty frame or unknown type of a Manager ends the connection before ServerHello, not after", async () => {
  await using manager = await OldManager.start();
  for (const nonsense of [frame(), frame(8, 99)]) {
    const { agent } = await manager.accepted();
    await agent.writes(nonsense);
    assertEquals(
      (await agent.hears("bye")).reason,
      "protocol error: Cannot accept a message of unknown type while greeting",
    );
    await agent.hearsTheEnd();
  }
  const agent = await manager.welcomed();
  await agent.writes(frame());
  await agent.writes(frame(8, 99));
  assertEquals(
    (await agent.runs("echo.Echo", { message: "here" })).output,
    "here\n",
  );
});

Deno.test("two commands of a legacy Manager with one id run side by side, and both are reported", async () => {
  await using manager = await OldManager.start();
  const agent = await manager.welcomed();
  const files = ["one", "two"].map((name) => manager.folder.at(name));
  for (const file of files) {
    await agent.commands("command.Run", {
      "[args]": [program("waitForFile", file)],
      shell: false,
    });
    await agent.hears("progress");
  }
  for (const file of files) {
    await Deno.writeTextFile(file, "");
    const { commandId, status, output } = await agent.result();
    assertEquals([commandId, status, output], [
      20_240_615_123_456_789n,
      SUCCESS,
      "ready\ndone\n",
    ]);
  }
});

Deno.test("a legacy Manager that neither speaks nor closes is closed by our Agent", async () => {
  await using agent = await MemoryAgent.start();
  const manager = await agent.welcomed({ managerId: "", features: [] });
  await agent.clock.advance(15_000);
  // The Manager counts as alive, whatever the value of its Pong.
  const { data } = await manager.hears("ping");
  await manager.says("pong", { data: data + 1 });
  await agent.clock.advance(15_000);
  await manager.hears("ping");
  await agent.clock.advance(10_000);
  assertEquals((await manager.hears("bye")).reason, "ping timeout");
  await manager.hearsTheEnd();
});
