import {
  assert,
  assertEquals,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import { createHash } from "node:crypto";
import {
  CommandResult_Status,
  type DataResponse,
} from "../../proto/gen/piri/agent/v1/agent_messages.ts";
import { until } from "../support/live_program.ts";
import { program } from "../support/program.ts";
import { body, framesOf } from "../support/scripted_peer.ts";
import { NEEDS_MODES } from "../support/story.ts";
import { type OldAgentLink, OldManager } from "./old_manager.ts";
import { countFramesOfOwnRecords } from "./record_tap.ts";

const { SUCCESS, FAILED, CANCELLED } = CommandResult_Status;

/** Parameters of a program in the words of a legacy Manager. */
function run(...argv: [string, ...string[]]): Record<string, unknown> {
  return { "[args]": [argv], shell: false };
}

const content = new Uint8Array(150_000).map((_, at) => at % 251);

/** Answers the requests of an operation like a legacy Manager that has one file, until there is a result. */
async function servesFile(agent: OldAgentLink): Promise<string[]> {
  const asked: string[] = [];
  for (;;) {
    const next = await agent.next();
    if (next?.case === "result") {
      return [...asked, `${next.value.status} ${next.value.output}`];
    }
    if (next?.case !== "dataRequest") continue;
    const { requestId, type, data } = next.value;
    asked.push(`${type} ${data}`);
    await agent.says("dataResponse", {
      requestId,
      ok: true,
      value: answerOf(type, data),
    });
  }
}

function answerOf(type: string, data: string): DataResponse["value"] {
  if (type === "file_mtime") {
    return { case: "string", value: "1700000000.25" };
  }
  if (type === "file_hash") {
    const digest = createHash("sha256").update(content).digest();
    return { case: "bytes", value: new Uint8Array(digest) };
  }
  const { offset, length } = JSON.parse(data);
  return { case: "bytes", value: content.slice(offset, offset + length) };
}

Deno.test("our Agent introduces itself to a legacy Manager, and accepts its bare ServerHello", async () => {
  await using manager = await OldManager.start();
  const { agent, hello, wire } = await manager.accepted();
  assertEquals(hello.clientId, "web-1");
  assertMatch(hello.auth, /^[\w-]{43}$/);
  // The two fields that such a Manager knows come first, in a frame that it can take.
  assertEquals(wire.took()[4], 8);
  await agent.says("serverHello", { version: 1 });
  await agent.says("ping", { data: -5 });
  assertEquals((await agent.hears("pong")).data, -5);
});

Deno.test("a Ping before ServerHello is answered, even one that arrives with it", async () => {
  await using manager = await OldManager.start();
  const { agent } = await manager.accepted();
  await agent.says("ping", { data: 1 });
  assertEquals((await agent.hears("pong")).data, 1);
  await agent.saysAtOnce(
    body("ping", { data: 2 }),
    body("serverHello", { version: 1 }),
    body("command", {
      commandId: 1n,
      type: "echo.Echo",
      data: '{"message":""}',
    }),
  );
  assertEquals((await agent.hears("pong")).data, 2);
  assertEquals((await agent.result()).status, SUCCESS);
});

Deno.test("frames of a legacy Manager may arrive byte by byte", async () => {
  await using manager = await OldManager.start();
  const { agent } = await manager.accepted();
  const bytes = framesOf(
    body("serverHello", { version: 1 }),
    body("command", {
      commandId: 1n,
      type: "echo.Echo",
      data: '{"[args]":["split"]}',
    }),
  );
  for (const byte of bytes) await agent.writes(new Uint8Array([byte]));
  const { output } = await agent.result();
  assertEquals(output, "split\n");
});

Deno.test("a program of a legacy Manager runs, and its result tells the end in words", async () => {
  await using manager = await OldManager.start();
  const agent = await manager.welcomed();
  const id = await agent.commands(
    "command.Run",
    run(...program("printBoth", "out", "err")),
  );
  const { commandId, current, total } = await agent.hears("progress");
  assertEquals([commandId, current, total], [id, 0, 1]);
  const { status, changed, output } = await agent.result();
  assertEquals([status, changed, output], [SUCCESS, true, "outerr"]);

  const failed = await agent.runs(
    "command.Run",
    run(...program("printAndExit", "so far", "3")),
  );
  assertEquals(failed.status, FAILED);
  assertEquals(failed.output, "so far\n\nThe program ended with exit code 3");
});

Deno.test("the old parameters of command.Run do what they did", async () => {
  await using manager = await OldManager.start();
  const agent = await manager.welcomed();
  const outputOf = async (params: Record<string, unknown>) => {
    const { status, output } = await agent.runs("command.Run", params);
    assertEquals(status, SUCCESS, output);
    return output;
  };
  const line = program("printCwd").map((word) => `"${word}"`).join(" ");
  assertEquals(
    await outputOf({ "[args]": [line], cwd: manager.folder.path }),
    manager.folder.path,
  );
  assertEquals(
    await outputOf({ ...run(...program("copyStdin")), stdin: "ä\n" }),
    "ä\n",
  );
  const env = JSON.parse(
    await outputOf({
      ...run(...program("printEnv")),
      env: { A: "x", B: 1, C: true },
    }),
  );
  assertEquals([env.A, env.B, env.C], ["x", "1", "True"]);
  assertEquals(
    await outputOf({
      ...run(...program("printBoth", "out", "err")),
      capture_stderr: Deno.build.os === "windows",
    }).then((text) => text.slice(0, 3)),
    "out",
  );
});

Deno.test({
  name: "legacy user and group are those that a program runs as",
  ignore: Deno.build.os === "windows" || Deno.uid() !== 0,
  async fn() {
    await using manager = await OldManager.start();
    const agent = await manager.welcomed();
    const params = { "[args]": ["id -u; id -g"], user: "nobody", group: 1 };
    const { output } = await agent.runs("command.Run", params);
    const [uid, gid] = output.split("\n");
    assertEquals([Number(uid) > 0, gid], [true, "1"]);
  },
});

Deno.test({
  name: "a program that is not waited for continues after its command",
  ignore: Deno.build.os === "windows",
  async fn() {
    await using manager = await OldManager.start();
    const agent = await manager.welcomed();
    const file = manager.folder.at("file");
    const answer = manager.folder.at("answer");
    const { status, output } = await agent.runs("command.Run", {
      ...run(...program("answerWithPid", file, answer)),
      wait: false,
      capture_stdout: false,
      capture_stderr: false,
    });
    assertEquals([status, output], [SUCCESS, ""]);
    await Deno.writeTextFile(file, "");
    const pid = await until("the program answers", async () => {
      const text = await Deno.readTextFile(answer).catch(() => "");
      return text.endsWith("\n") && Number(text);
    });
    Deno.kill(pid, "SIGKILL");
  },
});

Deno.test("a legacy echo.Echo returns its message, or the reverse of it", async () => {
  await using manager = await OldManager.start();
  const agent = await manager.welcomed();
  const said = await agent.runs("echo.Echo", { "[args]": ["hello"] });
  assertEquals([said.status, said.output], [SUCCESS, "hello\n"]);
  const reversed = await agent.runs("echo.Echo", {
    message: "ab",
    reverse: true,
  });
  assertEquals(reversed.output, "ba\n");
});

Deno.test("a file to install from a legacy Manager is fetched by its requests, and once", async () => {
  await using manager = await OldManager.start();
  const agent = await manager.welcomed();
  const path = manager.folder.at("installed");
  const params = { "[args]": [path, "big"], mode: "0600" };
  const pieces = [0, 64_536, 129_072, 150_000].map((offset) =>
    `file_content {"filename":"big","offset":${offset},"length":64536}`
  );
  await agent.commands("file.Installed", params);
  assertEquals(await servesFile(agent), [
    "file_hash big",
    ...pieces,
    `1 wrote ${path} (150,000 bytes)`,
  ]);
  assertEquals(await Deno.readFile(path), content);

  await agent.commands("file.Installed", params);
  assertEquals(await servesFile(agent), [
    "file_hash big",
    `1 unchanged: ${path}`,
  ]);

  await Deno.writeTextFile(path, "changed");
  await agent.commands("file.Installed", { ...params, overwrite: false });
  assertEquals(await servesFile(agent), [
    `1 unchanged: ${path}`,
  ]);

  const byTime = { ...params, method: "mtime" };
  await agent.commands("file.Installed", byTime);
  assertEquals((await servesFile(agent)).length, 6);
  await agent.commands("file.Installed", byTime);
  assertEquals((await servesFile(agent)).length, 2);
});

Deno.test({
  name: "mode and owner of an installed file are the given ones",
  ignore: NEEDS_MODES !== undefined,
  async fn() {
    await using manager = await OldManager.start();
    const agent = await manager.welcomed();
    const path = manager.folder.at("installed");
    const { uid, gid } = await Deno.stat(manager.folder.path);
    for (const [mode, expected] of [["0640", 0o640], [0o751, 0o751]] as const) {
      await agent.commands("file.Installed", {
        "[args]": [path, "big", "hash", true, uid, gid, mode],
      });
      await servesFile(agent);
      const info = await Deno.stat(path);
      assertEquals((info.mode ?? 0) & 0o777, expected);
    }
  },
});

Deno.test("a file that cannot be fetched fails the command with a reason", async () => {
  await using manager = await OldManager.start();
  const agent = await manager.welcomed();
  const path = manager.folder.at("installed");
  await agent.commands("file.Installed", { path, source: "none" });
  const { requestId } = await agent.request();
  await agent.says("dataResponse", {
    requestId,
    ok: false,
    value: { case: "string", value: "file not found" },
  });
  const { status, output } = await agent.result();
  assertEquals(status, FAILED);
  assertStringIncludes(output, "file not found");
});

Deno.test("a command that makes no sense gets a failed result, and the connection stays", async () => {
  await using manager = await OldManager.start();
  const agent = await manager.welcomed();
  const attempts: [type: string, data: string, why: string][] = [
    ["command.Run", "not JSON", "its parameters are not a JSON object"],
    ["command.Run", "[1]", "its parameters are not a JSON object"],
    ["command.Run", "null", "its parameters are not a JSON object"],
    ["command.Run", "{}", 'parameter "command" is missing'],
    [
      "command.Run",
      `{"command":${"[".repeat(60_000)}`,
      "nested deeper than 64",
    ],
    ["file.Fetch", `{"source":${"[".repeat(64)}`, "nested deeper than 64"],
    [
      "x".repeat(60_000),
      "{}",
      "the 60000 characters of its name are over the limit of 100",
    ],
    ["who.Knows", "{}", "no such operation"],
    ["", "{}", "no such operation"],
    [
      "command.Run",
      '{"[args]":["true"],"if":"x"}',
      'does not understand the condition in "if"',
    ],
  ];
  for (const [type, data, why] of attempts) {
    const { status, output } = await agent.runs(type, data);
    assertEquals(status, FAILED);
    assertStringIncludes(output, why);
  }
});

Deno.test("ids of a legacy Manager repeat, and each command is a new one", async () => {
  await using manager = await OldManager.start();
  const agent = await manager.welcomed();
  for (const text of ["one", "two"]) {
    await agent.commands("echo.Echo", { "[args]": [text] }, { commandId: 5n });
    const { commandId, output } = await agent.result();
    assertEquals([commandId, output], [5n, `${text}\n`]);
  }
});

Deno.test("output that no legacy frame holds is cut and marked", async () => {
  await using manager = await OldManager.start();
  const { agent, wire } = await manager.accepted();
  await agent.says("serverHello", { version: 1 });
  await agent.commands(
    "command.Run",
    run(...program("printBoth", "ä".repeat(30_000))),
  );
  const { status, output } = await agent.result();
  assertEquals(status, SUCCESS);
  assertMatch(output, /^ä+\n\[output was cut\]\nä+$/);
  const bytes = wire.took();
  const view = new DataView(bytes.buffer);
  for (let at = 0; at < bytes.length; at += 4 + view.getUint32(at)) {
    assert(view.getUint32(at) <= 65_536);
  }
});

Deno.test("a cancel of a legacy Manager ends the command", async () => {
  await using manager = await OldManager.start();
  const agent = await manager.welcomed();
  const commandId = await agent.commands(
    "command.Run",
    run(...program("sleep", "60")),
  );
  await agent.hears("progress");
  await agent.says("cancel", { commandId });
  assertEquals((await agent.result()).status, CANCELLED);
});

Deno.test("our Agent comes back by itself, and delivers results from the time in between", async () => {
  await using manager = await OldManager.start();
  const first = await manager.welcomed();
  const file = manager.folder.at("file");
  await first.commands(
    "command.Run",
    run(...program("waitForFile", file)),
  );
  await first.hears("progress");
  manager.tap.cut();
  const { agent, hello } = await manager.accepted();
  // Such a Manager does not know a list of commands in a hello, and other Managers' commands do not concern it.
  assertEquals(hello.commands, []);
  await Deno.writeTextFile(file, "");
  await agent.says("serverHello", { version: 1 });
  const { status, output } = await agent.result();
  assertEquals([status, output], [SUCCESS, "ready\ndone\n"]);
});

Deno.test("our Agent comes back to a legacy Manager that left with a Bye, or without one", async () => {
  await using manager = await OldManager.start();
  const first = await manager.welcomed();
  await first.says("bye", { reason: "protocol error: message too big" });
  await first.hearsTheEnd();
  const second = await manager.welcomed();
  second.hangUp();
  const third = await manager.welcomed();
  assertEquals(
    (await third.runs("echo.Echo", { message: "back" })).output,
    "back\n",
  );
});

Deno.test("each frame of our Agent to a legacy Manager is a record of its own", async () => {
  await using manager = await OldManager.start();
  const { agent, wire } = await manager.accepted();
  await agent.says("serverHello", { version: 1 });
  wire.took();
  const before = manager.tap.count;
  await agent.saysAtOnce(
    ...Array.from({ length: 20 }, (_, at) =>
      body("command", {
        commandId: BigInt(at + 1),
        type: "who.Knows",
        data: "{}",
      })),
  );
  for (let results = 0; results < 20; results++) await agent.result();
  const frames = countFramesOfOwnRecords(
    wire.took(),
    manager.tap.recordsFrom(before),
  );
  assert(frames >= 40);
});
