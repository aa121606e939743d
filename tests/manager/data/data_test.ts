import { assertEquals, assertRejects } from "@std/assert";
import { createHash } from "node:crypto";
import { PiriError } from "../../../lib/base/errors.ts";
import { TempFolder } from "../../support/temp_folder.ts";
import { ask, db, makeService, refusal, serviceOf, web } from "./asking.ts";

Deno.test("an agent's data win over its groups', a later group's over an earlier's, all over common data", async () => {
  await using data = await makeService({
    "data/all.yaml": "a: all\nb: all\nc: all\nd: all\n",
    "data/groups/linux.yaml": "b: linux\nc: linux\nd: linux\n",
    "data/groups/web.yaml": "c: web\nd: web\n",
    "data/agents/web-1.yaml": "d: own\n",
  });
  assertEquals(
    JSON.parse(await ask(data.service, "data", "")),
    { a: "all", b: "linux", c: "web", d: "own" },
  );
  assertEquals(await ask(data.service, "data", "b", db), `"all"`);
});

Deno.test("maps are merged at all depths, and other values are replaced", async () => {
  await using data = await makeService({
    "data/all.yaml": "m: { x: { a: 1, b: 1 }, l: [1, 2], s: 1 }\n",
    "data/agents/web-1.yaml": "m: { x: { b: 2 }, l: [3], s: { t: 1 } }\n",
  });
  assertEquals(JSON.parse(await ask(data.service, "data", "m")), {
    x: { a: 1, b: 2 },
    l: [3],
    s: { t: 1 },
  });
});

Deno.test("a dotted key leads through maps and lists only", async () => {
  await using data = await makeService({
    "data/all.yaml": "web:\n  listen: [80, 443]\n  on: false\n  none: null\n",
  });
  const { service } = data;
  assertEquals(await ask(service, "data", "web.listen.1"), "443");
  assertEquals(await ask(service, "data", "web.on"), "false");
  assertEquals(await ask(service, "data", "web.none"), "null");
  for (
    const key of [
      "web.listen.2",
      "web.listen.length",
      "web.on.x",
      "web..on",
      "nothing",
      "constructor",
      "__proto__",
    ]
  ) {
    assertEquals(
      await refusal(service, "data", key),
      `NOT_FOUND Cannot find the data "${key}": the Manager has none for agent "web-1"`,
    );
  }
});

Deno.test("a name may be JSON text, in a JSON object, or plain", async () => {
  await using data = await makeService({
    "data/all.yaml": "a: { b: 1 }\n",
    "files/all/x.conf": "hello",
  });
  const { service } = data;
  for (const params of [`"a.b"`, `{"key":"a.b"}`, "a.b"]) {
    assertEquals(await service.answer(web, "data", params), "1");
  }
  for (const params of [`"x.conf"`, `{"filename":"x.conf"}`, "x.conf"]) {
    assertEquals(
      await service.answer(web, "file_hash", params),
      new Uint8Array(createHash("sha256").update("hello").digest()),
    );
  }
  assertEquals(
    await refusal(service, "data", { name: "a" }),
    `INVALID_ARGUMENT Cannot answer the request: "key" is missing`,
  );
});

Deno.test("a state is a map under states, requested by its whole name", async () => {
  await using data = await makeService({
    "data/groups/web.yaml": `states: { web.v2: { Run: { op: echo.Echo } } }\n`,
  });
  assertEquals(
    await ask(data.service, "state", "web.v2"),
    `{"Run":{"op":"echo.Echo"}}`,
  );
  assertEquals(
    await refusal(data.service, "state", "web.v2", db),
    `NOT_FOUND Cannot find the state "web.v2": the Manager has none for agent "db-1"`,
  );
});

Deno.test("changed data are read again", async () => {
  await using data = await makeService({ "data/all.yaml": "a: 1\n" });
  assertEquals(await ask(data.service, "data", "a"), "1");
  await data.folder.write("data/all.yaml", "a: 22\n");
  assertEquals(await ask(data.service, "data", "a"), "22");
  await data.folder.write("data/agents/web-1.yaml", "a: 3\n");
  assertEquals(await ask(data.service, "data", "a"), "3");
  await Deno.remove(data.folder.at("data", "agents", "web-1.yaml"));
  assertEquals(await ask(data.service, "data", "a"), "22");
});

Deno.test("an invalid data file is named to the agents that it is for", async () => {
  await using data = await makeService({
    "data/all.yaml": "a: 1\n",
    "data/groups/web.yaml": "a: 1\nb: [\n",
    "data/groups/db.yaml": "- a list\n",
  });
  assertEquals(
    (await refusal(data.service, "data", "a")).split(": ").slice(0, 2),
    [`CORRUPT Cannot read "data/groups/web.yaml"`, "line 3"],
  );
  assertEquals(
    await refusal(data.service, "data", "a", db),
    `CORRUPT Cannot read "data/groups/db.yaml": it should hold a map, as key: value`,
  );
  assertEquals(
    await ask(data.service, "data", "a", { id: "web-2", groups: [] }),
    "1",
  );
});

Deno.test("data over the limit are refused with their size", async () => {
  await using data = await makeService({
    "data/all.yaml": `long: ${"x".repeat(300_000)}\nshort: ${"é".repeat(20)}\n`,
  });
  assertEquals(
    await refusal(data.service, "data", "long"),
    `INVALID_ARGUMENT Cannot answer with the data "long": its 300002 bytes are over the limit of 261120; ask for a part of it`,
  );
  const error = await assertRejects(
    () => data.service.answer(web, "data", "short", { maxBytes: 41 }),
    PiriError,
  );
  assertEquals(error.message.includes("its 42 bytes are over"), true);
});

Deno.test("an unknown type is refused, with a list of the known ones", async () => {
  await using data = await makeService({});
  for (const type of ["file_owner", "constructor", ""]) {
    assertEquals(
      await refusal(data.service, type, ""),
      `UNSUPPORTED Cannot answer a request of the type "${type}": this Manager has data, state, file_stat, file_mtime, file_hash, file_content, operation_module`,
    );
  }
});

Deno.test("operation_module answers with the module's source, and with nothing else", async () => {
  await using data = await makeService({
    "files/groups/web/operations/go.py": "# of the group\n",
    "files/all/operations/go.py": "# of all\n",
    "files/all/operations/large.py": "#".repeat(101),
    "files/all/operations/odd.py": new Uint8Array([0xff]),
    "files/all/secret.py": "",
  });
  const { service } = data;
  const options = { maxBytes: 100 };
  const answer = (name: string, owner = web) =>
    service.answer(owner, "operation_module", name, options);
  assertEquals(await answer("go"), "# of the group\n");
  assertEquals(await answer("go", db), "# of all\n");
  for (
    const [name, code] of [
      ["none", "NOT_FOUND"],
      ["../secret", "INVALID_ARGUMENT"],
      ["", "INVALID_ARGUMENT"],
      ["large", "INVALID_ARGUMENT"],
      ["odd", "CORRUPT"],
    ] as const
  ) {
    const error = await assertRejects(() => answer(name), PiriError);
    assertEquals(error.code, code, name);
  }
});

Deno.test("a state folder without data and files gives empty answers", async () => {
  await using folder = await TempFolder.make();
  const service = serviceOf(folder);
  assertEquals(await ask(service, "data", ""), "{}");
  assertEquals(
    (await refusal(service, "file_hash", "a")).split(" ")[0],
    "NOT_FOUND",
  );
});
