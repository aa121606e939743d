import { assert, assertEquals, assertRejects } from "@std/assert";
import { createHash } from "node:crypto";
import { PiriError } from "../../lib/base/errors.ts";
import {
  Bye_Code,
  CommandResult_Status,
  type DataResponse,
} from "../../proto/gen/piri/agent/v1/agent_messages.ts";
import { encodeFrames } from "../../lib/wire/frame.ts";
import { body, framesOf } from "../support/scripted_peer.ts";
import { countFramesOfOwnRecords } from "./record_tap.ts";
import { type Dialled, TlsManager } from "./tls_manager.ts";

const { SUCCESS, FAILED, UNSPECIFIED } = CommandResult_Status;

/** Id as legacy agents make them, from the date. A double cannot hold it. */
const LARGE_ID = 20_240_615_123_456_789n;

/** Frame of these bytes. */
const frame = (...bytes: number[]) =>
  encodeFrames([new Uint8Array(bytes)]).slice();

/** List in a list, and so on. */
const nested = (depth: number) =>
  JSON.parse("[".repeat(depth) + "]".repeat(depth));

/** Answer of the Manager to a request. */
async function ask(
  { peer }: Dialled,
  type: string,
  data: string,
  requestId = LARGE_ID,
): Promise<DataResponse> {
  await peer.says("dataRequest", { requestId, type, data });
  return await peer.hears("dataResponse");
}

Deno.test("a legacy agent is admitted by its name and secret, and shown as legacy", async () => {
  await using manager = await TlsManager.start();
  await manager.knows("old-1");
  const { peer, wire } = await manager.dial();
  await peer.says("clientHello", {
    clientId: "old-1",
    auth: "secret of old-1",
  });
  const hello = await peer.hears("serverHello");
  assertEquals(hello.version, 1);
  // Only the fields that it knows are sent: type 11, then a ServerHello of version 1.
  assertEquals(wire.took().subarray(0, 10), frame(8, 11, 90, 2, 8, 1));
  const [agent] = await manager.core.agents.list();
  assertEquals([agent?.protocol, agent?.connected], ["2024", true]);
});

Deno.test("a legacy agent with a wrong secret hears why, in its words", async () => {
  await using manager = await TlsManager.start();
  await manager.knows("old-1");
  const { peer } = await manager.dial();
  await peer.says("clientHello", { clientId: "old-1", auth: "guessed" });
  assertEquals((await peer.hears("bye")).reason, "auth failed");
  await peer.hearsTheEnd();
});

Deno.test("the first command waits for the first Pong, whatever its value", async () => {
  await using manager = await TlsManager.start();
  await manager.knows("old-1");
  const { peer } = await manager.greeted("old-1");
  const { state } = await manager.run("old-1", "echo.Echo", { text: "hi" });
  assertEquals(state, "queued");
  const { data } = await peer.hears("ping");
  assertEquals(peer.heardSoFar(), []);
  await peer.says("pong", { data: data + 7 });
  await peer.hears("command");
});

Deno.test("a Pong without a Ping does not end the connection", async () => {
  await using manager = await TlsManager.start();
  await manager.knows("old-1");
  const { peer } = await manager.dial();
  await peer.says("pong", { data: 3 });
  await peer.says("clientHello", {
    clientId: "old-1",
    auth: "secret of old-1",
  });
  await peer.hears("serverHello");
  await peer.hears("ping");
  await peer.says("pong", { data: 1 });
  await peer.says("pong", { data: 2 });
  await peer.says("ping", { data: 4 });
  assertEquals((await peer.hears("pong")).data, 4);
});

Deno.test("a Ping before the hello is answered", async () => {
  await using manager = await TlsManager.start();
  const { peer } = await manager.dial();
  await peer.says("ping", { data: 77 });
  assertEquals((await peer.hears("pong")).data, 77);
});

Deno.test("a program runs by legacy words, and its text is the command's output", async () => {
  await using manager = await TlsManager.start();
  const { peer } = await manager.connected("old-1");
  const { id } = await manager.run("old-1", "command.Run", {
    argv: ["uname", "-a"],
    cwd: "/tmp",
  });
  const command = await peer.hears("command");
  assertEquals(command.commandId, id);
  assertEquals(command.type, "command.Run");
  assertEquals(JSON.parse(command.data), {
    "[args]": [["uname", "-a"]],
    cwd: "/tmp",
    shell: false,
  });
  await peer.says("progress", { commandId: id, current: 0, total: 1 });
  await peer.says("progress", { commandId: id, current: 1, total: 1 });
  await peer.says("result", {
    commandId: id,
    status: SUCCESS,
    changed: true,
    output: "Operation Run succeeded (changed):\nLinux ä",
  });
  const { command: ended, output } = await manager.ended(id);
  assertEquals(ended.state, "succeeded");
  assertEquals(ended.changed, true);
  assertEquals(output, "Operation Run succeeded (changed):\nLinux ä");
});

Deno.test("a failed command that has changed something is recorded as both", async () => {
  await using manager = await TlsManager.start();
  const { peer } = await manager.connected("old-1");
  for (const status of [FAILED, UNSPECIFIED]) {
    const { id } = await manager.run("old-1", "echo.Echo", {});
    await peer.hears("command");
    await peer.says("result", {
      commandId: id,
      status,
      changed: true,
      output: "oh",
    });
    const { command } = await manager.ended(id);
    assertEquals([command.state, command.changed], ["failed", true]);
  }
});

Deno.test("frames of an agent may arrive in one record, or byte by byte", async () => {
  await using manager = await TlsManager.start();
  await manager.knows("old-1");
  const { peer } = await manager.dial();
  const hello = framesOf(
    body("ping", { data: 1 }),
    body("clientHello", { clientId: "old-1", auth: "secret of old-1" }),
    body("pong", { data: 5 }),
    body("dataRequest", { requestId: 1n, type: "nothing", data: "" }),
  );
  for (const byte of hello) await peer.writes(new Uint8Array([byte]));
  await peer.hears("pong");
  await peer.hears("serverHello");
  await peer.hears("ping");
  assertEquals((await peer.hears("dataResponse")).ok, false);
  const { id } = await manager.run("old-1", "echo.Echo", { text: "" });
  await peer.hears("command");
  await peer.saysAtOnce(
    body("progress", { commandId: id, current: 0, total: 1 }),
    body("progress", { commandId: id, current: 1, total: 1 }),
    body("result", { commandId: id, status: SUCCESS, output: "one" }),
    body("ping", { data: 2 }),
  );
  assertEquals((await peer.hears("pong")).data, 2);
  assertEquals((await manager.ended(id)).output, "one");
});

Deno.test("each frame to a legacy agent is a record of its own", async () => {
  await using manager = await TlsManager.start({
    "data/all.yaml": `large: ${"x".repeat(50_000)}\n`,
  });
  const { peer, wire, tap } = await manager.connected("old-1");
  wire.took();
  const before = tap.count;
  // All of these are answered at once.
  await peer.saysAtOnce(
    body("ping", { data: 1 }),
    body("dataRequest", { requestId: 1n, type: "data", data: "large" }),
    body("dataRequest", { requestId: 2n, type: "nothing", data: "" }),
    body("dataRequest", { requestId: 3n, type: "nothing", data: "" }),
  );
  const commands = Array.from(
    { length: 10 },
    () => manager.run("old-1", "echo.Echo", { text: "" }),
  );
  await Promise.all(commands);
  for (let heard = 0; heard < 14; heard++) await peer.next();

  const records = tap.recordsFrom(before);
  const frames = countFramesOfOwnRecords(wire.took(), records);
  // One record for each frame, but for the frame that takes four.
  assertEquals(records.length, frames + 3);
});

Deno.test("a legacy agent gets its data, its states, its files and its modules", async () => {
  const bytes = new Uint8Array(100_000).map((_, at) => at % 251);
  await using manager = await TlsManager.start({
    "data/all.yaml": "web: {port: 8080}\nstates: {base: {go: {type: a.B}}}\n",
    "files/all/big": bytes,
    "files/all/operations/go.py": "class Go: pass\n",
  });
  const agent = await manager.connected("old-1");
  const text = async (type: string, data: string) => {
    const { ok, value, requestId } = await ask(agent, type, data);
    assertEquals([ok, requestId], [true, LARGE_ID]);
    return value;
  };

  assertEquals(await text("data", "web.port"), {
    case: "string",
    value: "8080",
  });
  assertEquals(await text("state", "base"), {
    case: "string",
    value: '{"go":{"type":"a.B"}}',
  });
  const mtime = await text("file_mtime", "big");
  assert(mtime.case === "string" && Number.parseFloat(mtime.value) > 1e9);
  assertEquals(await text("file_hash", "big"), {
    case: "bytes",
    value: new Uint8Array(createHash("sha256").update(bytes).digest()),
  });
  assertEquals(await text("operation_module", "go"), {
    case: "string",
    value: "class Go: pass\n",
  });
  const piece = (offset: number) =>
    text(
      "file_content",
      JSON.stringify({ filename: "big", offset, length: 64_536 }),
    );
  assertEquals(await piece(0), {
    case: "bytes",
    value: bytes.subarray(0, 64_536),
  });
  assertEquals(await piece(64_536), {
    case: "bytes",
    value: bytes.subarray(64_536),
  });
  agent.wire.took();
  assertEquals(await piece(100_000), {
    case: "bytes",
    value: new Uint8Array(),
  });
  // A legacy agent checks which member is set: field 4 is on the wire, with nothing in it.
  assertEquals(agent.wire.took().subarray(-2), new Uint8Array([0x22, 0]));
});

Deno.test("data that a legacy agent cannot get is refused in text, and the agent stays", async () => {
  await using manager = await TlsManager.start({
    "data/all.yaml": `large: ${"x".repeat(70_000)}\n`,
  });
  const agent = await manager.connected("old-1");
  const requests: [type: string, data: string, refusal: RegExp][] = [
    ["data", "none", /^NOT_FOUND: /],
    // It ends on frames of more than 64 KiB.
    ["data", "large", /over the limit of 64536/],
    ["state", "none", /^NOT_FOUND: /],
    ["file_mtime", "none", /^NOT_FOUND: /],
    ["file_hash", "../data/all.yaml", /^INVALID_ARGUMENT: /],
    ["file_content", "{", /^INVALID_ARGUMENT: /],
    ["file_content", '{"filename":"none","offset":0,"length":1}', /^NOT_FOUND/],
    ["operation_module", "none", /^NOT_FOUND: /],
    ["who_knows", "", /^UNSUPPORTED: /],
    [
      "x".repeat(101),
      "",
      /101 characters of its type are over the limit of 100/,
    ],
    [
      "data",
      "x".repeat(16_385),
      /16385 characters of data are over the limit of 16384/,
    ],
    ["file_content", "[".repeat(65), /nested deeper than 64/],
  ];
  for (const [type, data, refusal] of requests) {
    const { ok, value } = await ask(agent, type, data);
    assertEquals([ok, value.case], [false, "string"], type);
    assert(refusal.test(String(value.value)), `${type}: ${value.value}`);
  }
});

Deno.test("Bye, Ping and Pong have their legacy numbers", async () => {
  await using manager = await TlsManager.start();
  const { peer, wire } = await manager.dial();
  // PING is type 13 in field 14, PONG type 14 in field 15.
  await peer.writes(frame(8, 13, 114, 2, 8, 5));
  await peer.hears("pong");
  assertEquals(wire.took(), frame(8, 14, 122, 2, 8, 5));
  // BYE is type 12 in field 13.
  await peer.writes(frame(8, 12, 106, 4, 10, 2, 104, 105));
  await peer.hearsTheEnd();
});

Deno.test("an empty frame or an unknown type is a violation before the hello, and counted after it", async () => {
  await using manager = await TlsManager.start();
  for (const nonsense of [frame(), frame(8, 99)]) {
    const { peer } = await manager.dial();
    await peer.writes(nonsense);
    const { reason, code } = await peer.hears("bye");
    assertEquals(code, Bye_Code.PROTOCOL_ERROR);
    assertEquals(
      reason,
      "protocol error: Cannot accept a message of unknown type while greeting",
    );
    await peer.hearsTheEnd();
  }
  const { peer } = await manager.connected("old-1");
  await peer.writes(frame());
  await peer.writes(frame(8, 99));
  await peer.says("ping", { data: 1 });
  await peer.hears("pong");
  assertEquals(manager.core.counters.all()["unknown_messages"], 2n);
});

Deno.test("a legacy agent that neither answers nor closes is closed from here", async () => {
  await using manager = await TlsManager.start();
  const { peer } = await manager.connected("old-1");
  const { id } = await manager.run("old-1", "echo.Echo", { text: "" });
  await peer.hears("command");
  await manager.clock.advance(15_000);
  await peer.hears("ping");
  await manager.clock.advance(10_000);
  assertEquals((await peer.hears("bye")).reason, "ping timeout");
  await peer.hearsTheEnd();
  const { command } = await manager.ended(id);
  assertEquals([command.state, command.presumed], ["lost", true]);
  const [agent] = await manager.core.agents.list();
  assertEquals(agent?.connected, false);
});

Deno.test("a command without an answer from a legacy agent times out by the Manager's clock", async () => {
  await using manager = await TlsManager.start();
  const { peer } = await manager.connected("old-1");
  const { id } = await manager.run("old-1", "echo.Echo", {}, {
    timeoutMs: 60_000,
  });
  await peer.hears("command");
  for (let waited = 0; waited < 75_000; waited += 5_000) {
    await manager.clock.advance(5_000);
    await peer.says("ping", { data: waited });
    while ((await peer.next())?.case !== "pong");
  }
  const { command } = await manager.ended(id);
  assertEquals([command.state, command.presumed], ["timed_out", true]);

  // The timeout was a presumption: the agent's own report replaces it.
  await peer.says("result", { commandId: id, status: SUCCESS, output: "late" });
  await peer.says("ping", { data: 1 });
  await peer.hears("pong");
  await manager.clock.settle();
  assertEquals((await manager.core.commands.get(id)).state, "succeeded");
});

Deno.test("parameters on which a legacy agent would go silent are refused before they are sent", async () => {
  await using manager = await TlsManager.start();
  await manager.connected("old-1");
  for (const params of [[], "text", 1, null]) {
    await assertRejects(
      () => manager.run("old-1", "echo.Echo", params),
      PiriError,
      "its parameters are not a JSON object",
    );
  }
  await assertRejects(
    () => manager.run("old-1", "echo.Echo", { a: nested(64) }),
    PiriError,
    "its parameters are nested deeper than 64, which is the limit",
  );
});

Deno.test("a cancel is sent, and the operator is told that the agent does not confirm it", async () => {
  await using manager = await TlsManager.start();
  const { peer } = await manager.connected("old-1");
  const { id } = await manager.run("old-1", "echo.Echo", { text: "" });
  await peer.hears("command");
  const { state, unconfirmed } = await manager.core.commands.cancel(id);
  assertEquals([state, unconfirmed], ["sent", true]);
  assertEquals((await peer.hears("cancel")).commandId, id);
  await peer.says("result", { commandId: id, status: SUCCESS, output: "" });
  assertEquals((await manager.ended(id)).command.state, "succeeded");
});

Deno.test("reports of a legacy agent count for its own commands only", async () => {
  await using manager = await TlsManager.start();
  const first = await manager.connected("old-1");
  const second = await manager.connected("old-2");
  const { id } = await manager.run("old-1", "echo.Echo", { text: "" });
  await first.peer.hears("command");
  for (const commandId of [id, LARGE_ID]) {
    await second.peer.says("progress", { commandId, current: 1, total: 1 });
    await second.peer.says("result", { commandId, status: FAILED });
  }
  await second.peer.says("ping", { data: 1 });
  await second.peer.hears("pong");
  await first.peer.says("result", { commandId: id, status: SUCCESS });
  assertEquals((await manager.ended(id)).command.state, "succeeded");
  assertEquals(manager.core.counters.all()["results_dropped"], 2n);
});

Deno.test("a legacy agent that comes back takes its own place, and running commands are lost", async () => {
  await using manager = await TlsManager.start();
  const first = await manager.connected("old-1");
  const { id } = await manager.run("old-1", "echo.Echo", { text: "" });
  await first.peer.hears("command");
  const second = await manager.greeted("old-1");
  assertEquals((await first.peer.hears("bye")).code, Bye_Code.REPLACED);
  const { command } = await manager.ended(id);
  assertEquals(command.state, "lost");
  await second.peer.hears("ping");
  await second.peer.says("pong");
  const again = await manager.run("old-1", "echo.Echo", { text: "" });
  assertEquals((await second.peer.hears("command")).commandId, again.id);
});
