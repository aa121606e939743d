import { assertEquals, assertRejects } from "@std/assert";
import { PiriError } from "../../lib/base/errors.ts";
import {
  Bye_Code,
  CommandResult_Status,
} from "../../proto/gen/piri/agent/v1/agent_messages.ts";
import { TlsManager } from "./tls_manager.ts";

const { SUCCESS } = CommandResult_Status;

Deno.test("the progress of a legacy agent is kept, and its text counts as the output", async () => {
  await using manager = await TlsManager.start();
  const { peer } = await manager.connected("old-1");
  const { id } = await manager.run("old-1", "state", { "[args]": ["base"] });
  await peer.hears("command");
  await peer.says("progress", { commandId: id, current: 2, total: 5 });
  await peer.says("ping", { data: 1 });
  await peer.hears("pong");
  const running = await manager.core.commands.get(id);
  assertEquals([
    running.state,
    running.progressCurrent,
    running.progressTotal,
  ], ["running", 2, 5]);
  await peer.says("result", { commandId: id, status: SUCCESS, output: "ä\n" });
  const { command, output } = await manager.ended(id);
  assertEquals([output, command.stdoutHeld], ["ä\n", 3n]);
});

Deno.test("a legacy agent that names no state gets the one whose name is empty", async () => {
  await using manager = await TlsManager.start({
    "data/all.yaml": 'states: {"": {first: {type: echo.Echo}}}\n',
  });
  const { peer } = await manager.connected("old-1");
  await peer.says("dataRequest", { requestId: 1n, type: "state", data: "" });
  const { ok, value } = await peer.hears("dataResponse");
  assertEquals([ok, value.value], [true, '{"first":{"type":"echo.Echo"}}']);
});

Deno.test("requests of two legacy agents with the same id get each its own answer", async () => {
  await using manager = await TlsManager.start({
    "data/agents/old-1.yaml": "who: first\n",
    "data/agents/old-2.yaml": "who: second\n",
  });
  const agents = [
    await manager.connected("old-1"),
    await manager.connected("old-2"),
  ];
  const requestId = 20_240_615_123_456_101n;
  for (const { peer } of agents) {
    await peer.says("dataRequest", { requestId, type: "data", data: "who" });
  }
  const answers = await Promise.all(
    agents.map(({ peer }) => peer.hears("dataResponse")),
  );
  assertEquals(answers.map(({ value }) => value.value), [
    '"first"',
    '"second"',
  ]);
  assertEquals(answers.map((answer) => answer.requestId), [
    requestId,
    requestId,
  ]);
});

Deno.test("a result of a legacy agent may fill a frame of 64 KiB, and one byte more ends the connection", async () => {
  await using manager = await TlsManager.start();
  const { peer } = await manager.connected("old-1");
  const longest = await manager.run("old-1", "echo.Echo", { text: "" });
  await peer.hears("command");
  // Type 23, member 23 and its length take 2 + 2 + 3 bytes; id and status 4; field 5 and its length 4.
  const output = "x".repeat(65_536 - 15);
  await peer.says("result", { commandId: longest.id, status: SUCCESS, output });
  assertEquals((await manager.ended(longest.id)).output, output);

  const beyond = await manager.run("old-1", "echo.Echo", { text: "" });
  await peer.hears("command");
  await peer.says("result", {
    commandId: beyond.id,
    status: SUCCESS,
    output: `${output}x`,
  });
  const { code, reason } = await peer.hears("bye");
  assertEquals([code, reason], [
    Bye_Code.PROTOCOL_ERROR,
    "protocol error: Cannot accept a frame of 65537 bytes: the limit is 65536",
  ]);
  const { command } = await manager.ended(beyond.id);
  assertEquals([command.state, command.reason], [
    "lost",
    `it may have run: the agent's connection ended: ${reason}`,
  ]);
});

Deno.test("parameters that no legacy frame holds are refused before they are recorded", async () => {
  await using manager = await TlsManager.start();
  await manager.connected("old-1");
  const { message } = await assertRejects(
    () => manager.run("old-1", "echo.Echo", { text: "x".repeat(64_000) }),
    PiriError,
  );
  assertEquals(
    message,
    `Cannot run "echo.Echo" on "old-1": its parameters take 64015 bytes, the limit is 64000; put a long text into files/all in the Manager's folder, and fetch it with file.Fetch`,
  );
});
