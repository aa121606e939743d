import { assertEquals, assertRejects } from "@std/assert";
import { join, SEPARATOR } from "@std/path";
import { PiriError } from "../../lib/base/errors.ts";
import { fileFetch } from "../../lib/operations/file_fetch.ts";
import { checkParams } from "../../lib/operations/params.ts";
import { floodBytes } from "../support/program.ts";
import { bytesOf, files, modeOf, tempTarget } from "./manager_files.ts";
import { finish, newContext } from "./support.ts";

const posix = Deno.build.os !== "windows";

Deno.test("a folder that is missing or in the way is an error that says so", async () => {
  await using folder = await tempTarget();
  const missing = join(folder.path, "no", "target");
  assertEquals(
    await failure({ path: missing }),
    `FAILED_PRECONDITION Cannot write "${missing}": there is no folder "${
      join(folder.path, "no")
    }"; make it first, or give parents=true to file.Fetch`,
  );
  assertEquals(
    await failure({ path: folder.path }),
    `FAILED_PRECONDITION Cannot write "${folder.path}": it is a folder; name the file itself, as ${
      join(folder.path, "NAME")
    }`,
  );
});

Deno.test({
  name:
    "a file instead of a folder, and a pipe instead of a file, are errors that say so",
  ignore: !posix,
  fn: async () => {
    await using folder = await tempTarget();
    await Deno.writeTextFile(folder.file, "a file");
    for (const parents of [false, true]) {
      const path = join(folder.file, "target");
      assertEquals(
        await failure({ path, parents }),
        `FAILED_PRECONDITION Cannot write "${path}": "${folder.file}" is not a folder, or is in none`,
      );
    }
    const pipe = join(folder.path, "pipe");
    await new Deno.Command("mkfifo", { args: [pipe] }).output();
    assertEquals(
      await failure({ path: pipe }),
      `FAILED_PRECONDITION Cannot write "${pipe}": it is a named pipe`,
    );
  },
});

Deno.test("missing parent folders are made if that is asked for", async () => {
  await using folder = await tempTarget();
  const path = join(folder.path, "a", "b", "target");
  const data = await files({ a: bytesOf("a") });
  const params = { source: "a", path, parents: true };
  await finish(fileFetch.run(params, newContext(data)));
  assertEquals(await Deno.readTextFile(path), "a");
  const again = await finish(fileFetch.run(params, newContext(data)));
  assertEquals(again.outcome.changed, false);
});

Deno.test({
  name: "parent folders that were made have mode 0755",
  ignore: !posix,
  fn: async () => {
    await using folder = await tempTarget();
    const path = join(folder.path, "a", "b", "target");
    const data = await files({ a: bytesOf("a") });
    await finish(
      fileFetch.run({ source: "a", path, parents: true }, newContext(data)),
    );
    for (const made of [["a"], ["a", "b"]]) {
      assertEquals(await modeOf(join(folder.path, ...made)), 0o755);
    }
  },
});

Deno.test("a fetch that fails leaves none of the parent folders that it made", async () => {
  await using folder = await tempTarget();
  const data = await files({ a: floodBytes(200_000) });
  const bytes = () => Promise.reject(new PiriError("UNAVAILABLE", "Gone"));
  const path = join(folder.path, "a", "b", "target");
  await assertRejects(() =>
    finish(fileFetch.run(
      { source: "a", path, parents: true },
      newContext({ ...data, bytes }),
    ))
  );
  assertEquals(await folder.names(), []);
});

Deno.test("parents may be text, as the command line passes it", () => {
  const read = (parents: string) =>
    checkParams(fileFetch, `{"source":"a","path":"/a","parents":${parents}}`)
      .parents;
  assertEquals(
    [read("true"), read("false"), read('"true"'), read('"false"')],
    [true, false, true, false],
  );
});

Deno.test("a path of any system passes the Manager's check, and the agent's system decides", async () => {
  const foreign = posix ? "C:\\app\\app.conf" : "app/app.conf";
  for (
    const path of ["/etc/app.conf", "C:\\app.conf", "c:/x", "\\\\server\\x"]
  ) {
    const json = JSON.stringify({ source: "a", path });
    assertEquals(checkParams(fileFetch, json).path, path);
  }
  assertEquals(
    await failure({ path: foreign }),
    `INVALID_ARGUMENT Cannot write "${foreign}": on this host (${Deno.build.os}) that is not an absolute path`,
  );
});

Deno.test("a path that ends as a folder does is refused", async () => {
  await using folder = await tempTarget();
  const path = `${folder.file}${SEPARATOR}`;
  assertEquals(
    await failure({ path }),
    `INVALID_ARGUMENT Cannot write "${path}": it ends as a folder does; name the file itself`,
  );
});

Deno.test({
  name:
    "leftovers of a killed agent are removed, and files that are being written are not",
  fn: async () => {
    await using folder = await tempTarget();
    const [leftover, fresh, busy, other] = [
      ".piri-0123456789abcdef",
      ".piri-1123456789abcdef",
      ".piri-2123456789abcdef",
      ".piri-notes",
    ].map((name) => join(folder.path, name)) as [
      string,
      string,
      string,
      string,
    ];
    for (const path of [leftover, fresh, busy, other]) {
      await Deno.writeTextFile(path, "half");
    }
    using writing = await Deno.open(busy, { write: true });
    await writing.lock(true);
    const before = (Date.now() - 120_000) / 1_000;
    for (const path of [leftover, busy, other]) {
      await Deno.utime(path, before, before);
    }
    const data = await files({ a: bytesOf("a") });
    await finish(
      fileFetch.run({ source: "a", path: folder.file }, newContext(data)),
    );
    assertEquals(
      (await folder.names()).sort(),
      [fresh, busy, other, folder.file]
        .map((path) => path.slice(folder.path.length + 1)).sort(),
    );
  },
});

/** Code and message of the expected failure to fetch a small file. */
async function failure(
  params: { path: string; parents?: boolean },
): Promise<string> {
  const data = await files({ a: bytesOf("a") });
  const error = await assertRejects(
    () => finish(fileFetch.run({ source: "a", ...params }, newContext(data))),
    PiriError,
  );
  return `${error.code} ${error.message}`;
}
