import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { decodeBase64, encodeBase64 } from "@std/encoding/base64";
import { encodeHex } from "@std/encoding/hex";
import { createHash } from "node:crypto";
import { encodeFrames } from "../../lib/wire/frame.ts";
import { CommandResult_Status } from "../../proto/gen/piri/agent/v1/agent_messages.ts";
import { type OldAgentLink, OldManager } from "./old_manager.ts";
import { type Dialled, TlsManager } from "./tls_manager.ts";

// Peers of the second legacy protocol: that of RedPepper 0.0.x, which ran from 11 June 2024 on.

const { SUCCESS, FAILED } = CommandResult_Status;

/** Id as these agents make them, from the date. */
const REQUEST_ID = 20_241_015_123_456_101n;

/** Parameters of an agent that does not have the module yet. */
const NO_MODULE = { "existing_mtime": null, "existing_size": null };

const content = new Uint8Array(100_000).map((_, at) => at % 251);
const sha256 = encodeHex(createHash("sha256").update(content).digest());

/** Requests by name, as such an agent does: the parameters and the answer are JSON. */
async function ask(
  { peer }: Dialled,
  type: string,
  params: unknown,
): Promise<unknown> {
  const data = JSON.stringify(params);
  await peer.says("dataRequest", { requestId: REQUEST_ID, type, data });
  const { requestId, ok, value } = await peer.hears("dataResponse");
  assertEquals([requestId, value.case], [REQUEST_ID, "string"]);
  assert(value.case === "string");
  return ok ? JSON.parse(value.value) : value.value;
}

Deno.test("a request by name has the numbers on the wire that the second legacy protocol gives it", async () => {
  await using manager = await TlsManager.start({
    "data/all.yaml": "a: 5\n",
  });
  const { peer, wire } = await manager.connected("old-1");
  wire.took();
  // Type 30, field 30 (Request): requestID 7, name "data", data '{"name":"a"}'.
  const text = (words: string) => [...new TextEncoder().encode(words)];
  const request = [
    ...[8, 7, 18, 4, ...text("data")],
    ...[26, 12, ...text('{"name":"a"}')],
  ];
  await peer.writes(
    encodeFrames([
      new Uint8Array([8, 30, 242, 1, request.length, ...request]),
    ]).slice(),
  );
  await peer.hears("dataResponse");
  // Type 31, field 31 (Response): requestID 7, success, data "5".
  assertEquals(
    wire.took(),
    encodeFrames([
      new Uint8Array([8, 31, 250, 1, 7, 8, 7, 16, 1, 26, 1, 53]),
    ]).slice(),
  );
});

Deno.test("a legacy agent of the second protocol gets its data, states, files and modules", async () => {
  await using manager = await TlsManager.start({
    "data/all.yaml":
      "web: {port: 8080}\nstates: {'': {e: {type: a.A}}, base: {go: {type: a.B}}}\n",
    "files/all/big": content,
    "files/all/operations/go.py": "class Go: pass\n",
  });
  const agent = await manager.connected("old-1");
  const request = (type: string, params: unknown) => ask(agent, type, params);

  assertEquals(await request("data", { name: "web" }), { port: 8080 });
  assertEquals(await request("data", { name: "<agent_id>" }), "old-1");
  assertEquals(await request("data", { name: "<groups>" }), []);
  assertEquals(await request("stateDefinition", { state_name: "base" }), {
    go: { type: "a.B" },
  });
  for (const params of [{}, { state_name: "" }, { state_name: null }]) {
    assertEquals(await request("stateDefinition", params), {
      e: { type: "a.A" },
    });
  }

  const stat = await request("dataFileStat", { path: "big" }) as {
    mtime: number;
    size: number;
  };
  assertEquals(stat.size, 100_000);
  assert(stat.mtime > 1e9);
  assertEquals(await request("dataFileHash", { path: "big" }), sha256);
  const piece = async (offset: number, length: number) =>
    decodeBase64(
      await request("dataFileContents", {
        filename: "big",
        offset,
        length,
      }) as string,
    );
  assertEquals(await piece(32_768, 32_768), content.subarray(32_768, 65_536));
  assertEquals(await piece(98_304, 32_768), content.subarray(98_304));
  assertEquals(await piece(100_000, 32_768), new Uint8Array());
  // A frame of these agents has 64 KiB, base64 and all.
  assertEquals((await piece(0, 100_000)).length, 48_399);

  const module = await request("operationModule", { name: "go", ...NO_MODULE });
  const { changed, content: source, mtime, size } = module as Record<
    string,
    unknown
  >;
  assertEquals([changed, size], [true, 15]);
  assertEquals(
    new TextDecoder().decode(decodeBase64(source as string)),
    "class Go: pass\n",
  );
  assertEquals(
    await request("operationModule", {
      name: "go",
      existing_mtime: mtime,
      existing_size: size,
    }),
    { changed: false },
  );
});

Deno.test("both legacy protocols may be spoken over one connection, and no other agent has the second", async () => {
  await using manager = await TlsManager.start({ "data/all.yaml": "a: 5\n" });
  const agent = await manager.connected("old-1");
  const bare = { requestId: 1n, type: "data", data: "a" };
  await agent.peer.says("dataRequest", bare);
  const { ok, value } = await agent.peer.hears("dataResponse");
  assertEquals([ok, value.value], [true, "5"]);
  assertEquals(await ask(agent, "data", { name: "a" }), 5);

  await manager.knows("web-1");
  const { peer } = await manager.dial();
  await peer.says("clientHello", {
    clientId: "web-1",
    auth: "secret of web-1",
    protocol: 2,
    instance: "0".repeat(32),
    session: 1n,
  });
  await peer.hears("serverHello");
  await peer.says("dataRequest", {
    requestId: 1n,
    type: "dataFileHash",
    data: '{"path":"a"}',
  });
  const refused = await peer.hears("dataResponse");
  assertEquals(refused.ok, false);
  assertStringIncludes(String(refused.value.value), "UNSUPPORTED");
});

Deno.test("requests by name that cannot be answered are refused in text, and the agent stays", async () => {
  await using manager = await TlsManager.start({
    "files/all/operations/large.py": "#".repeat(32_769),
  });
  const agent = await manager.connected("old-1");
  const requests: [name: string, params: unknown, refusal: string][] = [
    ["data", { name: "none" }, "NOT_FOUND: "],
    ["stateDefinition", { state_name: "none" }, "NOT_FOUND: "],
    ["stateDefinition", [], "INVALID_ARGUMENT: "],
    ["dataFileStat", { path: "none" }, "NOT_FOUND: "],
    ["dataFileHash", { path: "../a" }, "INVALID_ARGUMENT: "],
    ["dataFileHash", {}, '"path" is missing or wrong'],
    ["dataFileContents", { filename: "a" }, '"offset" is missing or wrong'],
    ["operationModule", { name: "none", ...NO_MODULE }, "NOT_FOUND: "],
    ["operationModule", { name: "../a", ...NO_MODULE }, "INVALID_ARGUMENT: "],
    ["operationModule", { name: "large", ...NO_MODULE }, "limit of 32768"],
    ["operationModule", { name: "large" }, '"existing_mtime" is missing'],
    ["noop", {}, "UNSUPPORTED: "],
    ["registerVPN", { key: 1 }, "UNSUPPORTED: "],
  ];
  for (const [name, params, refusal] of requests) {
    const text = await ask(agent, name, params);
    assert(String(text).includes(refusal), `${name}: ${text}`);
  }
});

Deno.test("progress of the second legacy protocol has a text, which operators see", async () => {
  await using manager = await TlsManager.start();
  const { peer } = await manager.connected("old-1");
  const { id: commandId } = await manager.run("old-1", "state", {});
  await peer.hears("command");
  const message = "Starting base...";
  await peer.says("progress", { commandId, current: 0, total: 3, message });
  await peer.says("result", { commandId, status: SUCCESS });
  const { command } = await manager.ended(commandId);
  assertEquals(command.progressMessage, message);
});

/** Answers as a Manager of the second protocol that has one file, until there is a result. */
async function serves(agent: OldAgentLink): Promise<string[]> {
  const asked: string[] = [];
  for (;;) {
    const next = await agent.next();
    if (next?.case === "result") {
      return [...asked, `${next.value.status} ${next.value.output}`];
    }
    if (next?.case !== "dataRequest") continue;
    const { requestId, type, data } = next.value;
    asked.push(`${type} ${data}`);
    const { ok, value } = answerOf(type, data);
    await agent.says("dataResponse", {
      requestId,
      ok,
      value: { case: "string", value },
    });
  }
}

function answerOf(type: string, data: string): { ok: boolean; value: string } {
  const answers: Record<string, (params: Record<string, unknown>) => unknown> =
    {
      dataFileStat: () => ({ mtime: 1_700_000_000.25, size: content.length }),
      dataFileHash: () => sha256,
      dataFileContents: ({ offset, length }) => {
        const end = Number(offset) + Number(length);
        return encodeBase64(content.slice(Number(offset), end));
      },
    };
  const params = tryJson(data);
  if (params === undefined) return { ok: false, value: "internal error" };
  if (params["path"] === "none") {
    return { ok: false, value: "File not found: none" };
  }
  const answer = answers[type];
  return answer === undefined
    ? { ok: false, value: `request module not found: ${type}` }
    : { ok: true, value: JSON.stringify(answer(params)) };
}

function tryJson(text: string): Record<string, unknown> | undefined {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

Deno.test("our Agent finds out that a Manager speaks the second legacy protocol, and installs its file", async () => {
  await using manager = await OldManager.start();
  const agent = await manager.welcomed();
  const path = manager.folder.at("installed");
  await agent.commands("file.Installed", { "[args]": [path, "big"] });
  const asked = await serves(agent);
  assertEquals(asked.slice(0, 2), [
    "file_hash big",
    'dataFileHash {"path":"big"}',
  ]);
  assertEquals(asked.at(-1), `1 wrote ${path} (100,000 bytes)`);
  assertEquals(await Deno.readFile(path), content);
  // No answer is asked for that would not fit into a frame.
  const lengths = asked.slice(2, -1).map((line) =>
    JSON.parse(line.replace("dataFileContents ", "")).length
  );
  assert(lengths.length >= 4);
  assertEquals(lengths.filter((length) => length > 32_768), []);

  // From now on it is known.
  await agent.commands("file.Installed", { "[args]": [path, "big"] });
  assertEquals(await serves(agent), [
    'dataFileHash {"path":"big"}',
    `1 unchanged: ${path}`,
  ]);
});

Deno.test("a file of the second legacy protocol is compared by size and time, or given as text", async () => {
  await using manager = await OldManager.start();
  const agent = await manager.welcomed();
  const path = manager.folder.at("installed");
  const params = { path, source: "big", method: "stat" };
  await agent.commands("file.Installed", params);
  const first = await serves(agent);
  assertEquals(first.at(-1), `1 wrote ${path} (100,000 bytes)`);
  const { mtime } = await Deno.stat(path);
  assertEquals(mtime?.getTime(), 1_700_000_000_250);
  await agent.commands("file.Installed", params);
  const again = await serves(agent);
  assertEquals(again.at(-1), `1 unchanged: ${path}`);

  // The same time, another size.
  await Deno.truncate(path, 99_999);
  await Deno.utime(path, 1_700_000_000.25, 1_700_000_000.25);
  await agent.commands("file.Installed", params);
  assertEquals((await serves(agent)).at(-1), first.at(-1));

  const text = { path, source: "ä = 1\n", method: "content" };
  await agent.commands("file.Installed", text);
  assertEquals(await serves(agent), [`1 wrote ${path} (7 bytes)`]);
  assertEquals(await Deno.readTextFile(path), "ä = 1\n");
  await agent.commands("file.Installed", text);
  assertEquals(await serves(agent), [
    `1 unchanged: ${path}`,
  ]);
});

Deno.test("a file that a Manager of the second legacy protocol lacks fails the command with its words", async () => {
  await using manager = await OldManager.start();
  const agent = await manager.welcomed();
  const path = manager.folder.at("installed");
  await agent.commands("file.Installed", { path, source: "none" });
  const result = (await serves(agent)).at(-1) ?? "";
  assertStringIncludes(result, `${FAILED} `);
  assertStringIncludes(result, "File not found: none");
});

Deno.test("a first legacy Manager that refuses hears no request of the second protocol", async () => {
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
  assertEquals((await agent.result()).status, FAILED);
});
