import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { encodeHex } from "@std/encoding/hex";
import { createHash } from "node:crypto";
import { PiriError } from "../../../lib/base/errors.ts";
import {
  createDataService,
  type DataService,
} from "../../../lib/manager/data/data_service.ts";
import { TempFolder } from "../../support/temp_folder.ts";

const web = { id: "web-1", groups: ["linux", "web"] };
const db = { id: "db-1", groups: ["db"] };

function serviceOf(folder: TempFolder): DataService {
  return createDataService({
    data: folder.at("data"),
    files: folder.at("files"),
  });
}

async function makeService(
  files: Record<string, string | Uint8Array>,
): Promise<{ folder: TempFolder; service: DataService } & AsyncDisposable> {
  const folder = await TempFolder.make();
  for (const [name, content] of Object.entries(files)) {
    await folder.write(name, content);
  }
  return {
    folder,
    service: serviceOf(folder),
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
}

/** Answer in readable form: text, or bytes as hex. */
async function ask(
  service: DataService,
  type: string,
  params: unknown,
  owner = web,
): Promise<string> {
  const answer = await service.answer(owner, type, JSON.stringify(params));
  return typeof answer === "string" ? answer : encodeHex(answer);
}

/** Code and message of the expected refusal. */
async function refusal(
  service: DataService,
  type: string,
  params: unknown,
  owner = web,
): Promise<string> {
  const error = await assertRejects(
    () => ask(service, type, params, owner),
    PiriError,
  );
  return `${error.code} ${error.message}`;
}

const hex = (text: string) => encodeHex(new TextEncoder().encode(text));
const sha256 = (text: string) =>
  createHash("sha256").update(text).digest("hex");

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

Deno.test("a file is the later group's, the earlier's or everyone's, and never another group's", async () => {
  await using data = await makeService({
    "files/all/a": "all",
    "files/all/b": "all",
    "files/all/c": "all",
    "files/groups/linux/b": "linux",
    "files/groups/linux/c": "linux",
    "files/groups/web/sub/d": "web",
    "files/groups/web/c": "web",
    "files/groups/db/e": "db",
  });
  const { service } = data;
  const content = (filename: string) => ({ filename, offset: 0, length: 100 });
  for (
    const [name, text] of [["a", "all"], ["b", "linux"], ["c", "web"], [
      "sub/d",
      "web",
    ]] as const
  ) {
    assertEquals(
      await ask(service, "file_content", content(name)),
      hex(text),
    );
  }
  for (const type of ["file_content", "file_stat", "file_hash", "file_mtime"]) {
    for (const name of ["e", "none", "a/b"]) {
      assertEquals(
        await refusal(service, type, content(name)),
        `NOT_FOUND Cannot find the file "${name}": the Manager has none of that name for agent "web-1"; put it into the Manager's state folder as files/all/${name}, or as files/groups/GROUP/${name} for one group`,
      );
    }
    assertEquals(
      await refusal(service, type, content("sub")),
      'NOT_FOUND Cannot find the file "sub": files/groups/web/sub is a folder; name one file in it, as sub/NAME',
    );
  }
});

Deno.test("a name with the Manager's folders in it gets the name without them", async () => {
  await using data = await makeService({ "files/all/nginx/site.conf": "x" });
  for (const folder of ["files/all", "files/groups/web"]) {
    const name = `${folder}/nginx/site.conf`;
    assertEquals(
      await refusal(data.service, "file_stat", name),
      `NOT_FOUND Cannot find the file "${name}": the Manager has none of that name for agent "web-1"; name a file by its path below files/all, as nginx/site.conf`,
    );
  }
});

Deno.test({
  name:
    "what is no file is named with its place, and a file in a later folder counts",
  ignore: Deno.build.os === "windows",
  fn: async () => {
    await using data = await makeService({
      "secret": "secret",
      "files/all/later": "all",
      "files/groups/web/later/x": "web",
    });
    const { folder, service } = data;
    const all = (name: string) => folder.at("files", "all", name);
    await Deno.symlink(folder.at("secret"), all("out"));
    await Deno.symlink("nothing", all("dangling"));
    await Deno.symlink("itself", all("itself"));
    await Deno.symlink("/dev/null", all("device"));
    await new Deno.Command("mkfifo", { args: [all("pipe")] }).output();
    using _socket = Deno.listen({ transport: "unix", path: all("socket") });
    const reasons: Record<string, string> = {
      "out":
        "links outside files/all; put the file itself there, or a link to a place in that folder",
      "dangling": "is a link to nothing; put the file itself there",
      "itself": "is a link to nothing; put the file itself there",
      "device":
        "links outside files/all; put the file itself there, or a link to a place in that folder",
      "pipe": "is a named pipe; put a plain file there",
      "socket": "is a socket; put a plain file there",
    };
    for (const [name, reason] of Object.entries(reasons)) {
      for (const type of ["file_stat", "file_content", "file_mtime"]) {
        assertEquals(
          await refusal(service, type, { filename: name }),
          `NOT_FOUND Cannot find the file "${name}": files/all/${name} ${reason}`,
        );
      }
    }
    assertEquals(await ask(service, "file_hash", "later"), sha256("all"));
  },
});

Deno.test({
  name:
    "file_stat tells the permissions of the file, without setuid and setgid",
  ignore: Deno.build.os === "windows",
  fn: async () => {
    await using data = await makeService({ "files/all/a": "a" });
    const path = data.folder.at("files", "all", "a");
    for (
      const [mode, told] of [[0o755, "0755"], [0o6711, "0711"], [
        0o600,
        "0600",
      ]] as const
    ) {
      await Deno.chmod(path, mode);
      const stat = JSON.parse(await ask(data.service, "file_stat", "a"));
      assertEquals(stat.mode, told);
    }
  },
});

Deno.test("a file's name cannot lead out of the folders", async () => {
  await using data = await makeService({
    "secret": "secret",
    "files/groups/db/e": "db",
    "files/all/a": "all",
  });
  const absolute = data.folder.at("secret").replaceAll("\\", "/");
  for (
    const name of [
      "",
      "/",
      ".",
      "..",
      "../../secret",
      "../groups/db/e",
      "x/../../groups/db/e",
      "./a",
      "x//a",
      "a/",
      `/${absolute}`,
      "..\\..\\secret",
      "a\0",
      "x".repeat(1_025),
    ]
  ) {
    const shown = JSON.stringify(name.slice(0, 100));
    assertStringIncludes(
      await refusal(data.service, "file_hash", { filename: name }),
      `INVALID_ARGUMENT Cannot use the file name ${shown}: `,
    );
  }
});

Deno.test({
  name: "a link may lead to places in its folder, and not out of it",
  ignore: Deno.build.os === "windows",
  fn: async () => {
    await using data = await makeService({
      "secret": "secret",
      "files/all/a": "all",
      "files/groups/db/e": "db",
      "files/groups/web/real/x": "web",
    });
    const { folder, service } = data;
    const links: [link: string, target: string][] = [
      ["inside", "real/x"],
      ["folder", "real"],
      ["out", folder.at("secret")],
      ["up", "../../../secret"],
      ["other", "../db"],
      ["itself", "itself"],
      ["dangling", "nothing"],
    ];
    for (const [link, target] of links) {
      await Deno.symlink(target, folder.at("files", "groups", "web", link));
    }
    for (const name of ["inside", "folder/x"]) {
      assertEquals(await ask(service, "file_hash", name), sha256("web"));
    }
    for (const name of ["out", "up", "other/e", "itself", "dangling"]) {
      assertEquals(
        (await refusal(service, "file_hash", name)).split(" ")[0],
        "NOT_FOUND",
      );
    }
    await Deno.mkdir(folder.at("data"));
    await Deno.symlink(folder.at("secret"), folder.at("data", "all.yaml"));
    assertEquals(await ask(service, "data", ""), "{}");
  },
});

Deno.test("file_content gives pieces of at most 64 KiB, and empty bytes past the end", async () => {
  const bytes = new Uint8Array(100_000).map((_, index) => index % 251);
  await using data = await makeService({ "files/all/big": bytes });
  const read = async (offset: number, length?: number) =>
    await data.service.answer(
      web,
      "file_content",
      JSON.stringify({ filename: "big", offset, length }),
    );
  assertEquals(await read(0), bytes.subarray(0, 65_536));
  assertEquals(await read(1, 1_000_000), bytes.subarray(1, 65_537));
  assertEquals(await read(65_536, 65_536), bytes.subarray(65_536));
  assertEquals(await read(99_999, 10), bytes.subarray(99_999));
  assertEquals(await read(100_000, 10), new Uint8Array());
  assertEquals(await read(5_000_000_000, 10), new Uint8Array());
});

Deno.test("file_content of a bad range names the wrong part", async () => {
  await using data = await makeService({ "files/all/a": "a" });
  const wrong: [params: unknown, part: string][] = [
    [{ filename: "a", offset: -1, length: 1 }, "offset"],
    [{ filename: "a", offset: 0.5, length: 1 }, "offset"],
    [{ filename: "a", offset: 0, length: 0 }, "length"],
    [{ offset: 0, length: 1 }, "filename"],
    ["a", "data"],
  ];
  for (const [params, part] of wrong) {
    assertEquals(
      await refusal(data.service, "file_content", params),
      `INVALID_ARGUMENT Cannot answer the request: "${part}" is missing or wrong`,
    );
  }
});

Deno.test("file_stat, file_hash and file_mtime tell size, SHA-256 and time, also after a change", async () => {
  await using data = await makeService({ "files/all/a": "one" });
  const { service, folder } = data;
  const at = (seconds: number) =>
    Deno.utime(folder.at("files", "all", "a"), seconds, seconds);
  await at(1_700_000_000.25);
  const { mode: _mode, ...stat } = JSON.parse(
    await ask(service, "file_stat", "a"),
  );
  assertEquals(stat, {
    size: 3,
    mtime: 1_700_000_000.25,
    sha256: sha256("one"),
  });
  assertEquals(await ask(service, "file_mtime", "a"), "1700000000.250");
  await folder.write("files/all/a", "two");
  await at(1_700_000_001);
  assertEquals(await ask(service, "file_hash", "a"), sha256("two"));
  assertEquals(await ask(service, "file_mtime", "a"), "1700000001.000");
});

Deno.test("many requests at once for a file's hash get the same one", async () => {
  await using data = await makeService({
    "files/all/a": new Uint8Array(3_000_000),
  });
  const answers = await Promise.all(
    Array.from({ length: 100 }, () => ask(data.service, "file_hash", "a")),
  );
  assertEquals([...new Set(answers)], [
    createHash("sha256").update(new Uint8Array(3_000_000)).digest("hex"),
  ]);
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
